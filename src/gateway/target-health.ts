import { mayEject, type OutlierSettings } from '../health/ejection.ts';
import type { Outcome } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { UrlHealth } from './url-health.ts';

/** Judges a target's URLs by the outcomes of requests: a URL that fails is checked soon, and ejected after too many failures in a row. */
export class TargetHealth {
  readonly #urls: ReadonlyMap<Upstream, UrlHealth>;
  readonly #outlier: OutlierSettings | undefined;

  /** @param outlier undefined: no URL is ejected */
  constructor(urls: readonly UrlHealth[], outlier: OutlierSettings | undefined) {
    this.#urls = new Map(urls.map((url) => [url.upstream, url]));
    this.#outlier = outlier;
  }

  observe(upstream: Upstream, outcome: Outcome): void {
    const url = this.#urls.get(upstream);
    if (url === undefined || outcome.kind === 'aborted' || outcome.kind === 'shortage') return;
    if (outcome.kind === 'answered' && outcome.status < 500) {
      url.streak.end();
      return;
    }
    // A 5xx response proves that the server is reachable; a failed attempt may mean that it is not.
    if (outcome.kind !== 'answered') url.suspect();
    if (this.#outlier === undefined || url.ejected || !url.streak.failed(this.#outlier.consecutiveFailures)) return;
    let ejected = 0;
    for (const one of this.#urls.values()) if (one.ejected) ejected++;
    if (!mayEject(ejected, this.#urls.size, this.#outlier.maxEjectedPercent)) return;
    if (outcome.kind === 'answered') url.eject(this.#outlier, 'status', `status ${outcome.status}`);
    else url.eject(this.#outlier, outcome.kind, outcome.reason);
  }
}
