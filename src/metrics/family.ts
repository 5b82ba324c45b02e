import type { Latencies } from '../model/latency.ts';

export type Labels = Readonly<Record<string, string>>;

/** A metric family in Prometheus' sense: one metric with all its series. */
export type Family = Described & (Values | Histograms);

interface Described {
  /** Name with the unit (`_seconds`, `_bytes`), and `_total` for a counter (Prometheus, "Metric and label naming"). */
  readonly name: string;
  /** Description for people, in one sentence. */
  readonly help: string;
}

interface Values {
  readonly type: 'counter' | 'gauge';
  readonly series: AllSeries<{ readonly labels: Labels; readonly value: number }>;
}

interface Histograms {
  readonly type: 'histogram';
  readonly series: AllSeries<{ readonly labels: Labels; readonly latencies: Latencies }>;
}

/** Series, and undefined for a number of rows without any: the work on thousands of them can be interrupted there too. */
type AllSeries<Series> = Iterable<Series | undefined>;

/** Rows without series that are passed over in one go. */
const emptyAtOnce = 32;

/** Makes one series for each row, at the time when it is read: thousands of servers are never made at once. */
export function perRow<Row, Series>(rows: Iterable<Row>, make: (row: Row) => Series): Iterable<Series> {
  return {
    *[Symbol.iterator]() {
      for (const row of rows) yield make(row);
    },
  };
}

/** Like {@link perRow}, with any number of series for a row. */
export function seriesOf<Row, Series>(rows: Iterable<Row>, make: (row: Row) => readonly Series[]): AllSeries<Series> {
  return {
    *[Symbol.iterator]() {
      let empty = 0;
      for (const row of rows) {
        const made = make(row);
        if (made.length > 0) yield* made;
        else if (++empty % emptyAtOnce === 0) yield undefined;
      }
    },
  };
}

/** Makes one series for each entry of a record, with the entry's name as `label`. */
export function byName(labels: Labels, label: string, counts: Readonly<Record<string, number>>): { labels: Labels; value: number }[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: { ...labels, [label]: name }, value }));
}

/** Makes one series for each class of status, `1xx` to `5xx`. */
export function byStatusClass(labels: Labels, statuses: readonly number[]): { labels: Labels; value: number }[] {
  return [1, 2, 3, 4, 5].map((digit) => ({ labels: { ...labels, code: `${digit}xx` }, value: statuses[digit] ?? 0 }));
}
