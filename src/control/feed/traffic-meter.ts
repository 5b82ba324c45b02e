import type { TrafficSamples } from '../../api/feed-messages.ts';
import { type PackedSample, packSample, type Sample, Series, shownSeconds, steadySeconds } from '../../api/series.ts';
import { addLatencies, type Latencies, latenciesSince, noLatencies, quantile } from '../../model/latency.ts';
import type { LiveServer } from '../../model/live.ts';

/** The counters of all servers at one moment. */
interface Look {
  readonly at: number;
  readonly servers: ReadonlyMap<string, LiveServer>;
}

interface Measured extends Sample {
  readonly latencies: Latencies;
}

/** Turns counters that only grow, read once a second, into rates; of each environment the last two minutes are kept. */
export class TrafficMeter {
  readonly environments = new Map<string, Series>();
  /** Oldest first; as far back as latencies are read. */
  #looks: Look[] = [];

  /** @param at wall clock in milliseconds */
  take(at: number, servers: readonly LiveServer[]): TrafficSamples {
    const before = this.#looks.at(-1);
    // The first look only says where counting starts; two in one instant say nothing of rates.
    const starts = before === undefined || at <= before.at;
    const earlier = starts ? [] : this.#looks;
    this.#looks = [...earlier, { at, servers: new Map(servers.map((server) => [keyOf(server), server])) }].slice(-steadySeconds);
    if (starts) return { environments: {}, servers: {} };

    const sums = new Map([...this.environments.keys()].map((name): [string, Measured] => [name, emptySample(at)]));
    const own: Record<string, Record<string, PackedSample>> = {};
    for (const server of servers) {
      const sample = measure(server, at, earlier);
      const { environment, id } = server;
      sums.set(environment, addSamples(sums.get(environment) ?? emptySample(at), sample));
      if (happened(sample)) {
        own[environment] ??= {};
        (own[environment] as Record<string, PackedSample>)[id] = packSample(withQuantiles(sample));
      }
    }
    return { environments: this.#keep(sums, new Set(servers.map(({ environment }) => environment))), servers: own };
  }

  #keep(sums: ReadonlyMap<string, Measured>, occupied: ReadonlySet<string>): Record<string, PackedSample> {
    const figures: Record<string, PackedSample> = {};
    for (const [name, sum] of sums) {
      const sample = withQuantiles(sum);
      const series = this.environments.get(name) ?? new Series(shownSeconds);
      this.environments.set(name, series);
      series.add(sample);
      if (happened(sum)) figures[name] = packSample(sample);
      if (!occupied.has(name) && series.idle) this.environments.delete(name);
    }
    return figures;
  }
}

function keyOf({ environment, id }: LiveServer): string {
  return `${environment} ${id}`;
}

function measure(server: LiveServer, at: number, looks: readonly Look[]): Measured {
  const key = keyOf(server);
  const previous = continued(server, looks.at(-1)?.servers.get(key));
  let since: LiveServer | undefined = server;
  for (let index = looks.length - 1; index >= 0 && since !== undefined; index--) since = continued(since, looks[index]?.servers.get(key));
  const seconds = (at - (looks.at(-1)?.at ?? at)) / 1000;
  return {
    at: at / 1000,
    requests: (server.requests - (previous?.requests ?? 0)) / seconds,
    errors: Math.max(0, errorsOf(server) - (previous === undefined ? 0 : errorsOf(previous))) / seconds,
    active: server.active,
    latencies: latenciesSince(since?.latencies ?? noLatencies, server.latencies),
  };
}

/** What a server had counted before; nothing if it has fewer now: it left and came back, and counts from zero. */
function continued(now: LiveServer, before: LiveServer | undefined): LiveServer | undefined {
  return before !== undefined && before.requests <= now.requests ? before : undefined;
}

function errorsOf({ statuses, failures }: LiveServer): number {
  return (statuses[5] ?? 0) + failures;
}

function happened({ requests, errors, active, latencies }: Measured): boolean {
  return requests > 0 || errors > 0 || active > 0 || latencies.counts.some((count) => count > 0);
}

function withQuantiles({ latencies, ...sample }: Measured): Sample {
  return { ...sample, p50: quantile(latencies.counts, 0.5), p99: quantile(latencies.counts, 0.99) };
}

function emptySample(at: number): Measured {
  return { at: at / 1000, requests: 0, errors: 0, active: 0, latencies: noLatencies };
}

function addSamples(one: Measured, other: Measured): Measured {
  return {
    at: one.at,
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    active: one.active + other.active,
    latencies: addLatencies(one.latencies, other.latencies),
  };
}
