/**
 * Upper bounds of the buckets in milliseconds, from 0.25 ms to about 65 s, two for each doubling: a quantile read from them is off by a
 * fifth at most. One more bucket takes what is slower.
 */
export const latencyBounds: readonly number[] = Array.from({ length: 37 }, (_, index) => 0.25 * 2 ** (index / 2));

/** How many exchanges took how long. Sums and differences of these are made field by field. */
export interface Latencies {
  /** By bucket: those of {@link latencyBounds} and the one above. */
  readonly counts: readonly number[];
  /** Of all together, in milliseconds. */
  readonly sumMs: number;
}

export const noLatencies: Latencies = { counts: new Array<number>(latencyBounds.length + 1).fill(0), sumMs: 0 };

/** Counts as it goes; a logarithm and an increment an observation. */
export class LatencyHistogram implements Latencies {
  /** As floating point: 32 bits overflow within a day of much traffic. */
  readonly #counts = new Float64Array(latencyBounds.length + 1);
  sumMs = 0;

  get counts(): number[] {
    return [...this.#counts];
  }

  /** As it is now. */
  get plain(): Latencies {
    return { counts: this.counts, sumMs: this.sumMs };
  }

  observe(ms: number): void {
    let bucket = ms <= 0.25 ? 0 : Math.min(latencyBounds.length, Math.ceil(2 * Math.log2(ms * 4)));
    // A logarithm of a bound itself may come out a trifle above or below.
    if (bucket > 0 && ms <= (latencyBounds[bucket - 1] as number)) bucket--;
    else if (ms > (latencyBounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.sumMs += ms;
  }
}

/** Both together. */
export function addLatencies(one: Latencies, other: Latencies): Latencies {
  return { counts: one.counts.map((count, bucket) => count + (other.counts[bucket] ?? 0)), sumMs: one.sumMs + other.sumMs };
}

/** What came since `before`. */
export function latenciesSince(before: Latencies, now: Latencies): Latencies {
  return { counts: now.counts.map((count, bucket) => count - (before.counts[bucket] ?? 0)), sumMs: now.sumMs - before.sumMs };
}

/**
 * The time in milliseconds that a share `q` (0 to 1) of the exchanges stayed under, read within its bucket as if they were spread evenly
 * there; `undefined` if there were none. Above the last bound it is the last bound.
 */
export function quantile(counts: readonly number[], q: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return undefined;
  let rank = q * total;
  for (const [bucket, count] of counts.entries()) {
    if (rank > count || count === 0) {
      rank -= count;
      continue;
    }
    const upper = latencyBounds[bucket];
    if (upper === undefined) break;
    const lower = latencyBounds[bucket - 1] ?? 0;
    return lower + (upper - lower) * (rank / count);
  }
  return latencyBounds.at(-1);
}
