import type { FeedMessage } from '../../api/feed-messages.ts';
import { Series, shownSeconds, steadySeconds, unpackSample } from '../../api/series.ts';

const none = new Series(0);

/** The traffic that the feed told of: of environments two minutes, of servers what is steady. */
export class Traffic {
  readonly #environments = new Map<string, Series>();
  /** By environment and id. */
  readonly #servers = new Map<string, Map<string, Series>>();
  /** Of servers nothing is known of before that; wall clock, seconds. */
  #heardSince = Number.POSITIVE_INFINITY;

  /** What there was before this page was opened. */
  recall({ environment, samples }: Extract<FeedMessage, { type: 'history' }>): void {
    const series = new Series(shownSeconds);
    for (const [at, figures] of samples) series.add(unpackSample(at, figures));
    this.#environments.set(environment, series);
  }

  /** One second more. */
  hear({ at: atMs, environments, servers }: Extract<FeedMessage, { type: 'traffic' }>): void {
    const at = atMs / 1000;
    this.#heardSince = Math.min(this.#heardSince, at);
    for (const name of Object.keys(environments)) seriesIn(this.#environments, name, shownSeconds);
    for (const [name, series] of this.#environments) series.add(unpackSample(at, environments[name]));
    for (const [environment, figures] of Object.entries(servers)) {
      const own = this.#servers.get(environment) ?? new Map<string, Series>();
      this.#servers.set(environment, own);
      for (const id of Object.keys(figures)) seriesIn(own, id, steadySeconds);
    }
    for (const [environment, own] of this.#servers) {
      for (const [id, series] of own) {
        series.add(unpackSample(at, servers[environment]?.[id]));
        if (series.idle) own.delete(id);
      }
      if (own.size === 0) this.#servers.delete(environment);
    }
  }

  /** Only these environments exist. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#environments.keys()) if (!names.has(name)) this.#environments.delete(name);
    for (const name of names) seriesIn(this.#environments, name, shownSeconds);
  }

  /** Nothing is known any more. */
  clear(): void {
    this.#environments.clear();
    this.#servers.clear();
    this.#heardSince = Number.POSITIVE_INFINITY;
  }

  /** Samples that are kept, of all together. */
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

  /** What part of its environment's requests a server gets, 0 to 1. */
  share(environment: string, id: string): number {
    const all = this.environment(environment).samples.slice(-steadySeconds);
    const since = Math.max(all[0]?.at ?? 0, this.#heardSince);
    const sum = (samples: Series['samples']) => samples.reduce((total, { at, requests }) => (at >= since ? total + requests : total), 0);
    const total = sum(all);
    // The figures are rounded each for itself.
    return total === 0 ? 0 : Math.min(1, sum(this.server(environment, id).samples) / total);
  }
}

function seriesIn(all: Map<string, Series>, key: string, most: number): Series {
  const present = all.get(key) ?? new Series(most);
  all.set(key, present);
  return present;
}
