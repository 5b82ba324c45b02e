import type { ByRound } from './by-round.ts';
import type { Sample, Series, Timings } from './timing.ts';

/** The contender with which the others are compared. */
export const baseline = 'haproxy';

/** Summary of a series. */
export interface Figure {
  /** Medians over the rounds. */
  readonly microseconds: number;
  readonly requestsPerSecond: number;
  readonly p99: number;
  /** Median over the rounds of its cost divided by the cost of the baseline in the same round; undefined without a baseline. */
  readonly ratio: number | undefined;
}

/** Summarises a contender under a workload. Undefined if it was not measured. */
export function figureOf(timings: Timings, contender: string, workload: string): Figure | { readonly failed: string } | undefined {
  const series = timings.get(contender)?.get(workload);
  if (series === undefined || 'failed' in series) return series;
  const ratios = ratiosTo(timings.get(baseline)?.get(workload), series);
  return {
    microseconds: median(series.map(({ microseconds }) => microseconds)),
    requestsPerSecond: median(series.map(({ requestsPerSecond }) => requestsPerSecond)),
    p99: median(series.map(({ p99 }) => p99)),
    ratio: ratios.length > 0 ? median(ratios) : undefined,
  };
}

/** Summarises values of one contender; undefined if there are none. */
export function medianOf<Value>(found: ByRound<Value>, contender: string, figure: (value: Value) => number): number | undefined {
  const values = found.get(contender);
  return values === undefined || 'failed' in values || values.length === 0 ? undefined : median(values.map(figure));
}

/** Median over the rounds of the quotient of a contender's value and that of the baseline in the same round; undefined if one has none. */
export function ratioOf<Value>(found: ByRound<Value>, contender: string, figure: (value: Value) => number): number | undefined {
  const [basis, values] = [found.get(baseline) ?? [], found.get(contender) ?? []];
  if ('failed' in basis || 'failed' in values) return undefined;
  const ratios = values.flatMap((value, round) => {
    const other = basis[round];
    return other === undefined ? [] : [figure(value) / figure(other)];
  });
  return ratios.length > 0 ? median(ratios) : undefined;
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
