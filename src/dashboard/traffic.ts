import { addLatencies, type Latencies, latenciesSince, noLatencies, quantile } from '../model/latency.ts';
import type { LiveServer } from '../model/live.ts';

/** Seconds that charts show. */
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
  readonly samples: Sample[] = [];

  add(sample: Sample): void {
    this.samples.push(sample);
    if (this.samples.length > shownSeconds) this.samples.shift();
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

/** Turns counters that only grow, told once a second, into rates. */
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
      seriesIn(this.servers, key).add(sample);
      sums.set(server.environment, addSamples(sums.get(server.environment) ?? emptySample(at), sample));
    }
    for (const [name, sample] of sums) seriesIn(this.environments, name).add(sample);
    for (const key of this.servers.keys()) if (!this.#before.has(key)) this.servers.delete(key);
  }

  /** Only these environments exist. */
  keep(names: readonly string[]): void {
    for (const name of this.environments.keys()) if (!names.includes(name)) this.environments.delete(name);
    for (const name of names) seriesIn(this.environments, name);
  }

  server(environment: string, id: string): Series | undefined {
    return this.servers.get(keyOf(environment, id));
  }

  /** What part of its environment's requests a server gets, 0 to 1. */
  share(environment: string, id: string): number {
    const all = this.environments.get(environment)?.rate ?? 0;
    return all === 0 ? 0 : (this.server(environment, id)?.rate ?? 0) / all;
  }
}

function keyOf(environment: string, id: string): string {
  return `${environment} ${id}`;
}

function seriesIn(all: Map<string, Series>, key: string): Series {
  const present = all.get(key) ?? new Series();
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
