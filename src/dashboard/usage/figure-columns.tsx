import type { UsageFigures } from '../../api/usage-answers.ts';
import { compact, percent, timeSpan } from '../state/format.ts';
import type { FigureColumn } from './figure-table.tsx';

/** Share of failures from which their number is marked. */
const failing = 0.01;

/** The figures that projects, resources, targets and consumers have in common. */
export const figureColumns: readonly FigureColumn<UsageFigures>[] = [
  { label: 'Requests', by: ({ requests }) => requests, show: ({ requests }) => compact(requests) },
  { label: 'Per second', by: ({ perSecond }) => perSecond, show: ({ perSecond }) => `${compact(perSecond)}/s`, wide: true },
  { label: 'Refused', by: ({ refused }) => refused, show: ({ refused, requests }) => withShare(refused, requests) },
  {
    label: 'Failed',
    by: ({ failed }) => failed,
    show: ({ failed, requests }) => (
      <span class={isFailing(failed, requests) ? 'figure-bad' : undefined}>{withShare(failed, requests)}</span>
    ),
  },
  latency('p50', true),
  latency('p95', true),
  latency('p99'),
];

/** The same without refusals, which are decided before a target is asked. */
export const attemptColumns = figureColumns.filter(({ label }) => label !== 'Refused');

function latency(share: 'p50' | 'p95' | 'p99', wide = false): FigureColumn<UsageFigures> {
  return { label: share, by: (row) => row[share] ?? -1, show: (row) => timeSpan(row[share] ?? undefined), wide };
}

/** True if at least one in a hundred fails. */
export function isFailing(failed: number, requests: number): boolean {
  return requests > 0 && failed / requests >= failing;
}

/** A count, followed by its share of all. */
export function withShare(count: number, all: number) {
  return (
    <b>
      {compact(count)}
      {count > 0 && all > 0 && <span class="muted"> {percent(count / all)}</span>}
    </b>
  );
}
