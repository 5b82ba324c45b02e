import type { Sample, Series, Timings } from './timing.ts';

/** The contender that the others are compared with. */
export const yardstick = 'haproxy';

/** What a series comes to. */
export interface Figure {
  /** Medians over the rounds. */
  readonly microseconds: number;
  readonly requestsPerSecond: number;
  readonly p99: number;
  /** The median, over the rounds, of what it costs relative to the yardstick in the same round; undefined without one. */
  readonly ratio: number | undefined;
}

/** The figure of a contender under a workload, why there is none, or undefined if it was not measured. */
export function figureOf(timings: Timings, contender: string, workload: string): Figure | { readonly failed: string } | undefined {
  const series = timings.get(contender)?.get(workload);
  if (series === undefined || 'failed' in series) return series;
  const ratios = ratiosTo(timings.get(yardstick)?.get(workload), series);
  return {
    microseconds: median(series.map(({ microseconds }) => microseconds)),
    requestsPerSecond: median(series.map(({ requestsPerSecond }) => requestsPerSecond)),
    p99: median(series.map(({ p99 }) => p99)),
    ratio: ratios.length > 0 ? median(ratios) : undefined,
  };
}

function ratiosTo(basis: Series | undefined, series: readonly Sample[]): number[] {
  if (basis === undefined || 'failed' in basis) return [];
  return series.flatMap(({ microseconds }, round) => {
    const other = basis[round];
    return other === undefined ? [] : [microseconds / other.microseconds];
  });
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
