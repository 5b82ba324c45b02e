import type { RetryCounts } from '../model/counts.ts';
import { byName, type Family, type Labels } from './family.ts';

export interface RetryRow {
  readonly labels: Labels;
  readonly counts: RetryCounts;
}

/** What was done for requests that one server alone could not answer; every name begins with `prefix`. */
export function retryFamilies(prefix: string, rows: readonly RetryRow[]): Family[] {
  return [
    {
      name: `${prefix}_retries_total`,
      help: 'Requests given to another server, by what the one before had done.',
      type: 'counter',
      series: rows.flatMap(({ labels, counts }) => byName(labels, 'reason', counts.retries)),
    },
    {
      name: `${prefix}_retry_budget_exhausted_total`,
      help: 'Retries not made, because the budget was spent.',
      type: 'counter',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.exhausted })),
    },
    {
      name: `${prefix}_resends_total`,
      help: 'Requests sent once more to the same server, because a kept connection was closed just then.',
      type: 'counter',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.resends })),
    },
  ];
}
