import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { doubtTerm } from './doubted-bucket.ts';
import type { HeldLimit, LimitKeeper } from './held-limit.ts';
import { LimitSet, type LimitSettings } from './limit-set.ts';
import { type LimitGrant, type LimitStore, mostAsks } from './limit-store.ts';

/** Milliseconds between two checks of the parts that the gateway holds: of few parts, and of many. */
const fewCheckMs = 50;
const manyCheckMs = 250;
const few = 256;
/** Milliseconds until the store is asked again after it did not answer; of a store that knows no limits, much longer. */
const retryMs = 1000;
const unsupportedRetryMs = 30_000;

/** Milliseconds after its return in which the store may not know yet which parts are in use. */
const doubtMs = doubtTerm / 1000;

/** Numbers of what this gateway's limits did; they only grow. */
export interface LimitCounts {
  allowed: number;
  refused: number;
  /** Calls to the store, each of them one operation, and those that failed. */
  calls: number;
  failures: number;
  /** Keys in these calls. */
  asked: number;
}

/**
 * The limits of one gateway server. They are shared with other gateways through a {@link LimitStore}, which gets at most one call at a time, for all keys
 * together. Without a store, each limit counts for this server alone.
 */
export class Limits implements LimitKeeper {
  readonly counts: LimitCounts = { allowed: 0, refused: 0, calls: 0, failures: 0, asked: 0 };
  readonly #store: LimitStore | undefined;
  readonly gateway: string;
  readonly run: string;
  readonly #environment: () => string | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #sets = new Set<LimitSet>();
  /** Keys of which the gateway holds a part. */
  readonly #holding = new Set<HeldLimit>();
  readonly #due = new Set<HeldLimit>();
  readonly #leaving = new Set<HeldLimit>();
  #calling = false;
  #scheduled = false;
  #timer: Timer | undefined;
  #reachable: boolean;
  #retryAt = 0;
  /** Time at which the store began to answer again. */
  #returnedAt = Number.NEGATIVE_INFINITY;
  #gateways = 1;
  #closed = false;

  /** @param parts.store undefined: the registry shares no limits */
  constructor(parts: {
    store: LimitStore | undefined;
    /** Id of the server. */
    gateway: string;
    /** The environment that the server is in. */
    environment: () => string | undefined;
    clock: Clock;
    random: Random;
    logger: Log;
  }) {
    this.#store = parts.store;
    this.gateway = parts.gateway;
    this.#environment = parts.environment;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#log = parts.logger;
    this.#reachable = parts.store !== undefined;
    this.run = `${parts.random()}`;
  }

  /** Opens the limit of a place, such as a policy's or a product's. Its state in the store goes by the place. */
  open(place: string, settings: LimitSettings): LimitSet {
    const set: LimitSet = new LimitSet({ place, settings, owner: this, closed: () => this.#sets.delete(set) });
    this.#sets.add(set);
    return set;
  }

  /** Number of keys that the gateway knows, and of those of which it holds a part. */
  get keys(): { readonly known: number; readonly held: number } {
    let known = 0;
    for (const set of this.#sets) known += set.size;
    return { known, held: this.#holding.size };
  }

  get environment(): string {
    return this.#environment() ?? '';
  }

  now(): number {
    return this.#clock.now();
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  doubts(time: number): boolean {
    return !this.#reachable || (this.#returnedAt > time && this.#clock.now() - this.#returnedAt < doubtMs);
  }

  get guessedShare(): number {
    return 1 / Math.max(1, Math.round(this.#gateways));
  }

  holding(limit: HeldLimit): void {
    if (this.#closed || this.#holding.has(limit)) return;
    this.#holding.add(limit);
    this.#watch();
  }

  due(limit: HeldLimit, urgent: boolean): void {
    if (this.#closed) return;
    this.#due.add(limit);
    if (urgent) this.#schedule();
  }

  /** Gives back what the gateway holds of a key that is forgotten. */
  forget(limit: HeldLimit): void {
    this.#holding.delete(limit);
    this.#due.delete(limit);
    if (limit.worthReturning && !limit.asking) {
      this.#leaving.add(limit);
      this.#schedule();
    }
  }

  /** Gives everything back and ends. Never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#timer?.cancel();
    for (const limit of this.#holding) if (limit.worthReturning && !limit.asking) this.#leaving.add(limit);
    this.#due.clear();
    this.#closed = true;
    while (this.#leaving.size > 0 && this.#reachable) await this.#call();
  }

  /** Has the parts checked as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined || this.#closed || (this.#holding.size === 0 && this.#due.size === 0)) return;
    this.#timer = this.#clock.after(this.#holding.size > few ? manyCheckMs : fewCheckMs, () => {
      this.#timer = undefined;
      this.#check();
      this.#watch();
    });
  }

  #check(): void {
    const now = this.#clock.now();
    for (const limit of this.#holding) {
      if (limit.holds) limit.check(now);
      else this.#holding.delete(limit);
    }
    if (this.#due.size > 0) this.#schedule();
  }

  /** Calls the store in this turn of the event loop, once the requests that were read with this one have been seen. */
  #schedule(): void {
    if (this.#scheduled || this.#calling) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#calling && !this.#closed) void this.#call();
    });
  }

  async #call(): Promise<void> {
    const now = this.#clock.now();
    if (this.#store === undefined || (!this.#reachable && now < this.#retryAt)) {
      this.#failAll();
      this.#watch();
      return;
    }
    const batch = this.#nextBatch(now);
    if (batch.length === 0) return;
    this.#calling = true;
    this.counts.calls++;
    this.counts.asked += batch.length;
    const asks = batch.map((limit) => limit.ask(this.#leaving.has(limit)));
    for (const limit of batch) this.#leaving.delete(limit);
    try {
      const grants = await this.#store.ask(this.gateway, asks);
      if (grants.length !== batch.length) throw new Error(`${grants.length} grants for ${batch.length} asks`);
      this.#answered(batch, grants);
    } catch (error) {
      this.#failed(batch, error as Error);
    } finally {
      this.#calling = false;
    }
    if (this.#due.size > 0 || this.#leaving.size > 0) this.#schedule();
    this.#watch();
  }

  /** Limits that are due or leave, and parts that would be due soon. */
  #nextBatch(now: number): HeldLimit[] {
    const batch: HeldLimit[] = [];
    for (const from of [this.#due, this.#leaving]) {
      for (const limit of from) {
        if (batch.length === mostAsks) return batch;
        if (from === this.#due) this.#due.delete(limit);
        if (!limit.asking) batch.push(limit);
        else this.#leaving.delete(limit);
      }
    }
    if (batch.length > 0 && this.#holding.size <= few)
      for (const limit of this.#holding)
        if (batch.length < mostAsks && !limit.asking && limit.endsSoon(now) && !batch.includes(limit)) batch.push(limit);
    return batch;
  }

  #answered(batch: readonly HeldLimit[], grants: readonly LimitGrant[]): void {
    if (!this.#reachable) {
      this.#log.info({}, 'limits are shared among the gateway servers again');
      this.#returnedAt = this.#clock.now();
    }
    this.#reachable = true;
    this.#gateways = Math.max(1, this.#gateways - 0.01);
    for (const [index, limit] of batch.entries()) {
      const grant = grants[index] as LimitGrant;
      this.#gateways = Math.max(this.#gateways, grant.gateways);
      limit.answer(grant);
      if (limit.holds) this.#holding.add(limit);
      else this.#holding.delete(limit);
    }
  }

  #failed(batch: readonly HeldLimit[], { message, ...error }: Error & { code?: string }): void {
    this.counts.failures++;
    const unsupported = error.code === 'invalid';
    if (this.#reachable) {
      const share = Math.round(100 * this.guessedShare);
      this.#log.warn(
        { reason: message, share: `${share} %` },
        unsupported
          ? 'the balancer is older and shares no limits: each gateway server applies its share of every limit alone; update the balancer'
          : 'limits cannot be shared at present: this gateway server goes on with its last share of each',
      );
    }
    this.#reachable = false;
    this.#retryAt = this.#clock.now() + jittered(unsupported ? unsupportedRetryMs : retryMs, this.#random, 0.5);
    for (const limit of batch) limit.failed();
    // Once the store answers again, the first ask says so.
    const [first] = batch;
    if (first !== undefined) this.#due.add(first);
    this.#failAll();
  }

  #failAll(): void {
    for (const limit of this.#due) if (!limit.asking && limit.waiting) limit.failed();
    this.#leaving.clear();
    if (this.#store === undefined) this.#due.clear();
  }
}
