import type { RetryCounts } from '../model/counts.ts';
import { byName, type Family, type Labels, perRow, seriesOf } from './family.ts';

export interface RetryRow {
  readonly labels: Labels;
  readonly counts: RetryCounts;
}

/** Metrics of retries and resends; every name begins with `prefix`. */
export function retryFamilies(prefix: string, rows: readonly RetryRow[]): Family[] {
  return [
    {
      name: `${prefix}_retries_total`,
      help: 'Retries on another server, by failure of the previous attempt.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts }) => byName(labels, 'reason', counts.retries)),
    },
    {
      name: `${prefix}_retry_budget_exhausted_total`,
      help: 'Retries not made because the retry budget was exhausted.',
      type: 'counter',
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: counts.exhausted })),
    },
    {
      name: `${prefix}_resends_total`,
      help: 'Requests sent again to the same server because it closed an idle keep-alive connection at the same moment.',
      type: 'counter',
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: counts.resends })),
    },
  ];
}
