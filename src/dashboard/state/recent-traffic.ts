import type { FeedMessage } from '../../api/feed-messages.ts';
import { steadySeconds, unpackSample } from '../../api/sample.ts';
import { Series, shownSeconds } from '../../api/series.ts';

const none = new Series(0);

/** Traffic received from the live feed: two minutes for each environment, {@link steadySeconds} for each server. */
export class RecentTraffic {
  readonly #environments = new Map<string, Series>();
  /** By environment and id. */
  readonly #servers = new Map<string, Map<string, Series>>();
  /** Start of the samples of servers, which the history does not have; wall clock, seconds. */
  #heardSince = Number.POSITIVE_INFINITY;

  /** Takes over the traffic of an environment before the page was opened. */
  recall({ environment, samples }: Extract<FeedMessage, { type: 'history' }>): void {
    const series = new Series(shownSeconds);
    for (const [at, sample] of samples) series.add(unpackSample(at, sample));
    this.#environments.set(environment, series);
  }

  /** Adds one second. */
  hear({ at: atMs, environments, servers }: Extract<FeedMessage, { type: 'traffic' }>): void {
    const at = atMs / 1000;
    this.#heardSince = Math.min(this.#heardSince, at);
    for (const name of Object.keys(environments)) seriesIn(this.#environments, name, shownSeconds);
    for (const [name, series] of this.#environments) series.add(unpackSample(at, environments[name]));
    for (const [environment, samples] of Object.entries(servers)) {
      const own = this.#servers.get(environment) ?? new Map<string, Series>();
      this.#servers.set(environment, own);
      for (const id of Object.keys(samples)) seriesIn(own, id, steadySeconds);
    }
    for (const [environment, own] of this.#servers) {
      for (const [id, series] of own) {
        series.add(unpackSample(at, servers[environment]?.[id]));
        if (series.idle) own.delete(id);
      }
      if (own.size === 0) this.#servers.delete(environment);
    }
  }

  /** Forgets every environment that is not in `names`. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#environments.keys()) if (!names.has(name)) this.#environments.delete(name);
    for (const name of names) seriesIn(this.#environments, name, shownSeconds);
  }

  /** Forgets everything. */
  clear(): void {
    this.#environments.clear();
    this.#servers.clear();
    this.#heardSince = Number.POSITIVE_INFINITY;
  }

  /** Total number of samples kept. */
  get size(): number {
    const all = [...this.#environments.values(), ...[...this.#servers.values()].flatMap((own) => [...own.values()])];
    return all.reduce((sum, { samples }) => sum + samples.length, 0);
  }

  environment(name: string): Series {
    return this.#environments.get(name) ?? none;
  }

  server(environment: string, id: string): Series {
    return this.#servers.get(environment)?.get(id) ?? none;
  }

  /** A server's share of its environment's requests, 0 to 1. */
  share(environment: string, id: string): number {
    const all = this.environment(environment).samples.slice(-steadySeconds);
    const since = Math.max(all[0]?.at ?? 0, this.#heardSince);
    const sum = (samples: Series['samples']) => samples.reduce((total, { at, requests }) => (at >= since ? total + requests : total), 0);
    const total = sum(all);
    // At most 1: samples are rounded one by one, so the server's sum may exceed the total.
    return total === 0 ? 0 : Math.min(1, sum(this.server(environment, id).samples) / total);
  }
}

function seriesIn(all: Map<string, Series>, key: string, most: number): Series {
  const present = all.get(key) ?? new Series(most);
  all.set(key, present);
  return present;
}
