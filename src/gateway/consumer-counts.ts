import { LatencyHistogram } from '../model/latency.ts';
import type { EndCounter } from '../proxy/exchange-counter.ts';
import { RecentConsumer, RecentConsumers } from './recent-consumers.ts';
import { RequestRate } from './request-rate.ts';

/** Consumers of one project that have their own series in metrics. The others share those of `other`, so that the number of series is bounded. */
const mostNamed = 100;
/** Longest name that has counts of its own. */
const longestName = 100;

/** Counts of one consumer's requests to one project; of {@link ConsumerCounts.others} also those of consumers that are no longer counted apart. */
export class ConsumerCount extends RecentConsumer implements EndCounter {
  /** Empty: the counts of all other consumers. */
  readonly consumer: string;
  /** The consumer has its own series in metrics. */
  readonly isNamed: boolean;
  /** Requests that have ended, refused ones included. */
  requests = 0;
  /** Requests that a policy refused after the consumer was known, such as with 403 or 429. */
  refused = 0;
  /** End of the latest request, in milliseconds since the start of the process. */
  lastAt = 0;
  readonly durations = new LatencyHistogram();
  readonly rate = new RequestRate();
  readonly #owner: ConsumerCounts | undefined;
  #errors = 0;
  #refusedErrors = 0;
  /** Gets what ends once this consumer is no longer counted apart. */
  #heir: ConsumerCount | undefined;

  constructor(consumer: string, owner: ConsumerCounts | undefined, isNamed = false) {
    super();
    this.consumer = consumer;
    this.isNamed = isNamed;
    this.#owner = owner;
  }

  /** Requests that ended with a 5xx status which was no refusal, or without a response. */
  get failed(): number {
    return Math.max(0, this.#errors - this.#refusedErrors);
  }

  /** Counts a refusal of a request that ends afterwards. */
  refuse(status: number): void {
    this.refused++;
    if (status >= 500) this.#refusedErrors++;
  }

  ended(status: number, durationMs: number, now: number): void {
    if (this.#heir !== undefined) {
      this.#heir.ended(status, durationMs, now);
      return;
    }
    this.requests++;
    if (status >= 500 || status === 0) this.#errors++;
    this.lastAt = now;
    this.durations.observe(durationMs);
    this.rate.count(now);
  }

  override giveWay(): void {
    this.#owner?.drop(this);
  }

  /** Adds the counts of `count`, which is counted here from now on. */
  inherit(count: ConsumerCount): void {
    this.requests += count.requests;
    this.refused += count.refused;
    this.#errors += count.#errors;
    this.#refusedErrors += count.#refusedErrors;
    this.lastAt = Math.max(this.lastAt, count.lastAt);
    this.durations.add(count.durations);
    count.#heir = this;
  }
}

/** Counts of a project's requests by consumer. */
export class ConsumerCounts implements Iterable<ConsumerCount> {
  /** Counts of consumers that are not counted apart: those that called longest ago, and those with very long names. */
  readonly others = new ConsumerCount('', undefined);
  readonly #counts = new Map<string, ConsumerCount>();
  readonly #recent: RecentConsumers;
  #named = 0;

  /** @param recent consumers of all projects of the server; default: this project has them to itself */
  constructor(recent = new RecentConsumers()) {
    this.#recent = recent;
  }

  /** Counts of a consumer that calls now. */
  of(consumer: string): ConsumerCount {
    const known = this.#counts.get(consumer);
    if (known !== undefined) {
      this.#recent.called(known);
      return known;
    }
    if (consumer.length > longestName) return this.others;
    const isNamed = this.#named < mostNamed;
    if (isNamed) this.#named++;
    const count = new ConsumerCount(consumer, this, isNamed);
    this.#counts.set(consumer, count);
    this.#recent.add(count);
    return count;
  }

  drop(count: ConsumerCount): void {
    this.#counts.delete(count.consumer);
    if (count.isNamed) this.#named--;
    this.others.inherit(count);
  }

  /** The consumers that are counted apart, the one that was first longest ago first. */
  [Symbol.iterator](): IterableIterator<ConsumerCount> {
    return this.#counts.values();
  }

  /** Requests and refusals by consumer, with those of all consumers that have no series of their own under `other`. */
  get bySeries(): ReadonlyMap<string, Pick<ConsumerCount, 'requests' | 'refused'>> {
    const series = new Map<string, { requests: number; refused: number }>();
    for (const { consumer, isNamed, requests, refused } of [...this.#counts.values(), this.others]) {
      const name = isNamed ? consumer : 'other';
      const before = series.get(name) ?? { requests: 0, refused: 0 };
      if (isNamed || requests > 0) series.set(name, { requests: before.requests + requests, refused: before.refused + refused });
    }
    return series;
  }
}
