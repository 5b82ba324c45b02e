const lowest = 0.25;

/**
 * Upper bounds of the histogram's buckets in milliseconds, from 0.25 ms to about 65 s, two for each doubling: a quantile read from them
 * is wrong by a fifth at most. One more bucket counts everything slower.
 */
export const latencyBounds: readonly number[] = Array.from({ length: 37 }, (_, index) => lowest * 2 ** (index / 2));

const highest = latencyBounds.at(-1) as number;

/** A histogram of times. Histograms are added and subtracted field by field. */
export interface Latencies {
  /** Counts by bucket: one for each of {@link latencyBounds}, and one above. */
  readonly counts: readonly number[];
  /** Sum of all times, in milliseconds. */
  readonly sumMs: number;
}

export const noLatencies: Latencies = { counts: new Array<number>(latencyBounds.length + 1).fill(0), sumMs: 0 };

/** A histogram that counts times. Each observation costs a few comparisons and an increment. */
export class LatencyHistogram implements Latencies {
  /**
   * Floating point, since 32-bit integers would overflow within a day of much traffic. Undefined until the first time comes: most of the
   * thousands of histograms that a gateway may have stay empty.
   */
  #counts: Float64Array | undefined;
  sumMs = 0;

  get counts(): number[] {
    return this.#counts === undefined ? [...noLatencies.counts] : [...this.#counts];
  }

  /** Copy of the current counts. */
  get plain(): Latencies {
    return { counts: this.counts, sumMs: this.sumMs };
  }

  observe(ms: number): void {
    let bucket = 0;
    if (ms > highest) bucket = latencyBounds.length;
    else if (ms > lowest) {
      // Every second bound is a power of two.
      bucket = 2 * (31 - Math.clz32(ms / lowest));
      if (ms > (latencyBounds[bucket] as number)) bucket++;
      if (ms > (latencyBounds[bucket] as number)) bucket++;
    }
    this.#counts ??= new Float64Array(latencyBounds.length + 1);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.sumMs += ms;
  }

  /** Adds the times of another histogram. */
  add({ counts, sumMs }: Latencies): void {
    const sums = new Float64Array(latencyBounds.length + 1);
    for (const [bucket, count] of counts.entries()) sums[bucket] = count + (this.#counts?.[bucket] ?? 0);
    this.#counts = sums;
    this.sumMs += sumMs;
  }
}

/** Adds two histograms. */
export function addLatencies(one: Latencies, other: Latencies): Latencies {
  return { counts: one.counts.map((count, bucket) => count + (other.counts[bucket] ?? 0)), sumMs: one.sumMs + other.sumMs };
}

/** Returns the times since `before`. */
export function latenciesSince(before: Latencies, now: Latencies): Latencies {
  return { counts: now.counts.map((count, bucket) => count - (before.counts[bucket] ?? 0)), sumMs: now.sumMs - before.sumMs };
}

/**
 * Returns the time in milliseconds that a share `q` (0 to 1) of the exchanges did not exceed, interpolated within its bucket;
 * `undefined` if there were none. A quantile above the last bound is the last bound.
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
