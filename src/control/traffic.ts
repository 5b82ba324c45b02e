import { addLatencies, type Latencies, latenciesSince, noLatencies, quantile } from '../model/latency.ts';
import type { LiveServer } from '../model/live.ts';

/** Samples that are kept, one a second: what charts show. */
export const shownSeconds = 120;
/** Samples over which shares and latencies are read, so that they do not flicker. */
const steadySamples = 3;

/** One second of something. */
export interface Sample {
  /** Wall clock, seconds. */
  readonly at: number;
  /** A second. */
  readonly requests: number;
  /** A second: 5xx, and attempts without a response. */
  readonly errors: number;
  readonly active: number;
  readonly latencies: Latencies;
}

/** What is to be seen of an environment or server: the last samples, oldest first. */
export class Series {
  readonly samples: Sample[];
  readonly #most: number;

  constructor(most: number, samples: readonly Sample[] = []) {
    this.#most = most;
    this.samples = samples.slice(-most);
  }

  add(sample: Sample): void {
    this.samples.push(sample);
    if (this.samples.length > this.#most) this.samples.shift();
  }

  /** Nothing happened in all the time that is kept. */
  get idle(): boolean {
    return this.samples.every(({ requests, active }) => requests === 0 && active === 0);
  }

  get last(): Sample | undefined {
    return this.samples.at(-1);
  }

  /** Requests a second, over the last few. */
  get rate(): number {
    const recent = this.samples.slice(-steadySamples);
    return recent.length === 0 ? 0 : recent.reduce((sum, { requests }) => sum + requests, 0) / recent.length;
  }

  /** Errors by requests, 0 to 1, over the last few. */
  get errorShare(): number {
    const recent = this.samples.slice(-steadySamples);
    const errors = recent.reduce((sum, sample) => sum + sample.errors, 0);
    const requests = recent.reduce((sum, sample) => sum + sample.requests, 0);
    return errors === 0 ? 0 : Math.min(1, errors / Math.max(requests, errors));
  }

  /** In milliseconds, over the last few seconds up to sample `index` (default: the last). */
  latency(q: number, index = this.samples.length - 1): number | undefined {
    const recent = this.samples.slice(Math.max(0, index + 1 - steadySamples), index + 1);
    return quantile(recent.reduce((sum, sample) => addLatencies(sum, sample.latencies), noLatencies).counts, q);
  }
}

/** Turns counters that only grow, told once a second, into rates. Of environments two minutes are kept, of servers what is steady. */
export class Traffic {
  readonly environments = new Map<string, Series>();
  readonly servers = new Map<string, Series>();
  #before = new Map<string, LiveServer>();
  #at = 0;

  /** @param at wall clock in milliseconds */
  take(at: number, servers: readonly LiveServer[]): void {
    const seconds = (at - this.#at) / 1000;
    const first = this.#at === 0;
    this.#at = at;
    const before = this.#before;
    this.#before = new Map(servers.map((server) => [keyOf(server.environment, server.id), server]));
    // The first message only says where counting starts; two in one instant say nothing of rates.
    if (first || seconds <= 0) return;
    const sums = new Map<string, Sample>([...this.environments.keys()].map((name) => [name, emptySample(at)]));
    for (const [key, server] of this.#before) {
      const sample = sampleOf(server, before.get(key), at, seconds);
      seriesIn(this.servers, key, steadySamples).add(sample);
      sums.set(server.environment, addSamples(sums.get(server.environment) ?? emptySample(at), sample));
    }
    const occupied = new Set(servers.map(({ environment }) => environment));
    for (const [name, sample] of sums) {
      const series = seriesIn(this.environments, name, shownSeconds);
      series.add(sample);
      if (!occupied.has(name) && series.idle) this.environments.delete(name);
    }
    for (const key of this.servers.keys()) if (!this.#before.has(key)) this.servers.delete(key);
  }

  /** What somebody else saw until now. */
  recall(environments: Readonly<Record<string, readonly Sample[]>>): void {
    for (const [name, samples] of Object.entries(environments)) this.environments.set(name, new Series(shownSeconds, samples));
  }

  /** For {@link recall}. */
  get past(): Record<string, readonly Sample[]> {
    return Object.fromEntries([...this.environments].map(([name, { samples }]) => [name, samples]));
  }

  /** Only these environments exist. */
  keep(names: readonly string[]): void {
    for (const name of this.environments.keys()) if (!names.includes(name)) this.environments.delete(name);
    for (const name of names) seriesIn(this.environments, name, shownSeconds);
  }

  server(environment: string, id: string): Series | undefined {
    return this.servers.get(keyOf(environment, id));
  }

  /** What part of its environment's requests a server gets, 0 to 1, over the last few seconds. */
  share(environment: string, id: string): number {
    const all = this.environments.get(environment)?.samples.slice(-steadySamples) ?? [];
    const since = all[0]?.at ?? 0;
    // One that has just joined has had nothing before that.
    const own = this.server(environment, id)?.samples.filter(({ at }) => at >= since) ?? [];
    const total = all.reduce((sum, { requests }) => sum + requests, 0);
    return total === 0 ? 0 : own.reduce((sum, { requests }) => sum + requests, 0) / total;
  }
}

function keyOf(environment: string, id: string): string {
  return `${environment} ${id}`;
}

function seriesIn(all: Map<string, Series>, key: string, most: number): Series {
  const present = all.get(key) ?? new Series(most);
  all.set(key, present);
  return present;
}

function sampleOf(server: LiveServer, before: LiveServer | undefined, at: number, seconds: number): Sample {
  // Fewer than before: it left and came back, and counts from zero.
  const since = before !== undefined && before.requests <= server.requests ? before : undefined;
  const errors = (of: LiveServer | undefined) => (of === undefined ? 0 : (of.statuses[5] ?? 0) + of.failures);
  return {
    at: at / 1000,
    requests: (server.requests - (since?.requests ?? 0)) / seconds,
    errors: Math.max(0, errors(server) - errors(since)) / seconds,
    active: server.active,
    latencies: latenciesSince(since?.latencies ?? noLatencies, server.latencies),
  };
}

function emptySample(at: number): Sample {
  return { at: at / 1000, requests: 0, errors: 0, active: 0, latencies: noLatencies };
}

function addSamples(one: Sample, other: Sample): Sample {
  return {
    at: one.at,
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    active: one.active + other.active,
    latencies: addLatencies(one.latencies, other.latencies),
  };
}
