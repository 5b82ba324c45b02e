import { latencyBounds, quantile } from './latency.ts';
import type { UsageCounts } from './server-usage.ts';

/** Sum of counts, of several resources or of several servers. Histograms are added, so that its quantiles are those of all requests. */
export class UsageSum {
  requests = 0;
  refused = 0;
  failed = 0;
  perSecond = 0;
  readonly #buckets: number[] = [];

  add({ requests, refused, failed, perSecond, latencies }: UsageCounts): void {
    this.requests += requests;
    this.refused += refused;
    this.failed += failed;
    this.perSecond += perSecond;
    for (let at = 0; at + 1 < latencies.length; at += 2) {
      const bucket = Math.min(latencies[at] as number, latencyBounds.length);
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + (latencies[at + 1] as number);
    }
  }

  get counts(): UsageCounts {
    const { requests, refused, failed, perSecond } = this;
    return { requests, refused, failed, perSecond, latencies: sparse(this.#buckets) };
  }

  /** Time in milliseconds that a share `q` (0 to 1) of the requests did not exceed; undefined: none was measured. */
  quantile(q: number): number | undefined {
    return quantile(
      Array.from(this.#buckets, (count = 0) => count),
      q,
    );
  }
}

/** The buckets of a histogram that have counts, each followed by its count. */
export function sparse(counts: readonly (number | undefined)[]): number[] {
  return counts.flatMap((count, bucket) => (count === undefined || count === 0 ? [] : [bucket, count]));
}
