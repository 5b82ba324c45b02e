import type { TrafficSamples } from '../../api/feed-messages.ts';
import { type PackedSample, packSample, type Sample, steadySeconds } from '../../api/sample.ts';
import { Series, shownSeconds } from '../../api/series.ts';
import { addLatencies, type Latencies, latenciesSince, noLatencies, quantile } from '../../model/latency.ts';
import type { LiveServer } from '../../model/live.ts';
import type { Pieces } from '../../model/pieces.ts';

/** The counts of all servers at one moment. */
interface Reading {
  readonly at: number;
  readonly servers: ReadonlyMap<string, LiveServer>;
}

/** A sample before its quantiles are calculated, so that samples of several servers can be added up. */
interface RawSample extends Sample {
  readonly latencies: Latencies;
}

/** Makes one {@link Sample} per second for each server and environment from the servers' counts, and keeps each environment's last {@link shownSeconds}. */
export class TrafficMeter {
  readonly environments = new Map<string, Series>();
  /** Oldest first; as many as latencies are calculated over. */
  #readings: Reading[] = [];

  /** Reads the counts of `servers` at `at` (wall clock, milliseconds), one server in a piece, and returns the samples since the last reading. */
  *take(at: number, servers: Iterable<LiveServer>): Pieces<TrafficSamples> {
    const before = this.#readings.at(-1);
    // The first reading is the baseline; so is one after the clock stood still or was set back, since no time has passed to divide by.
    const starts = before === undefined || at <= before.at;
    const earlier = starts ? [] : this.#readings;
    const read = new Map<string, LiveServer>();
    const sums = new Map([...this.environments.keys()].map((name): [string, RawSample] => [name, emptySample(at)]));
    const occupied = new Set<string>();
    const packed: Record<string, Record<string, PackedSample>> = {};
    for (const server of servers) {
      const { environment, id } = server;
      const key = keyOf(server);
      read.set(key, server);
      occupied.add(environment);
      if (!starts && !rests(server, key, earlier)) {
        const sample = measure(server, at, earlier);
        sums.set(environment, addSamples(sums.get(environment) ?? emptySample(at), sample));
        if (busy(sample)) {
          packed[environment] ??= {};
          (packed[environment] as Record<string, PackedSample>)[id] = packSample(withQuantiles(sample));
        }
      }
      yield;
    }
    this.#readings = [...earlier, { at, servers: read }].slice(-steadySeconds);
    if (starts) return { environments: {}, servers: {} };
    for (const environment of occupied) if (!sums.has(environment)) sums.set(environment, emptySample(at));
    return { environments: this.#keep(sums, occupied), servers: packed };
  }

  /** Adds to the series of each environment; drops the series of one that has no servers (is not in `occupied`) and no traffic in it. */
  #keep(sums: ReadonlyMap<string, RawSample>, occupied: ReadonlySet<string>): Record<string, PackedSample> {
    const packed: Record<string, PackedSample> = {};
    for (const [name, sum] of sums) {
      const sample = withQuantiles(sum);
      const series = this.environments.get(name) ?? new Series(shownSeconds);
      this.environments.set(name, series);
      series.add(sample);
      if (busy(sum)) packed[name] = packSample(sample);
      if (!occupied.has(name) && series.idle) this.environments.delete(name);
    }
    return packed;
  }
}

function keyOf({ environment, id }: LiveServer): string {
  return `${environment} ${id}`;
}

/** True if a server has no request in flight and nothing of it has changed since the oldest reading: it is the same object in all of them. */
function rests(server: LiveServer, key: string, readings: readonly Reading[]): boolean {
  return server.active === 0 && readings.every(({ servers }) => servers.get(key) === server);
}

function measure(server: LiveServer, at: number, readings: readonly Reading[]): RawSample {
  const key = keyOf(server);
  const previous = continued(server, readings.at(-1)?.servers.get(key));
  let since: LiveServer | undefined = server;
  for (let index = readings.length - 1; index >= 0 && since !== undefined; index--)
    since = continued(since, readings[index]?.servers.get(key));
  const seconds = (at - (readings.at(-1)?.at ?? at)) / 1000;
  return {
    at: at / 1000,
    requests: (server.requests - (previous?.requests ?? 0)) / seconds,
    errors: Math.max(0, errorsOf(server) - (previous === undefined ? 0 : errorsOf(previous))) / seconds,
    targetErrors: Math.max(0, server.targetErrors - (previous?.targetErrors ?? 0)) / seconds,
    active: server.active,
    latencies: latenciesSince(since?.latencies ?? noLatencies, server.latencies),
  };
}

/** Returns the server's earlier counts, unless they are higher than now: then it left, came back, and has counted from zero since. */
function continued(now: LiveServer, before: LiveServer | undefined): LiveServer | undefined {
  return before !== undefined && before.requests <= now.requests ? before : undefined;
}

/** Counts 5xx responses and attempts without a response. */
function errorsOf({ statuses, failures }: LiveServer): number {
  return (statuses[5] ?? 0) + failures;
}

/** Returns false for a sample without any traffic: it is not sent. */
function busy({ requests, errors, active, latencies }: RawSample): boolean {
  return requests > 0 || errors > 0 || active > 0 || latencies.counts.some((count) => count > 0);
}

function withQuantiles({ latencies, ...sample }: RawSample): Sample {
  return { ...sample, p50: quantile(latencies.counts, 0.5), p99: quantile(latencies.counts, 0.99) };
}

function emptySample(at: number): RawSample {
  return { at: at / 1000, requests: 0, errors: 0, targetErrors: 0, active: 0, latencies: noLatencies };
}

function addSamples(one: RawSample, other: RawSample): RawSample {
  return {
    at: one.at,
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    targetErrors: one.targetErrors + other.targetErrors,
    active: one.active + other.active,
    latencies: addLatencies(one.latencies, other.latencies),
  };
}
