import type { ServerCounts } from '../model/counts.ts';
import type { ServerGauges } from '../model/live.ts';
import { byName, byStatusClass, type Family, type Labels, perRow, seriesOf } from './family.ts';

/** Labels of a server or target, with the counts and gauges of attempts at it. */
export interface UpstreamRow {
  readonly labels: Labels;
  readonly counts: ServerCounts & ServerGauges;
}

/** Metrics of attempts at servers or targets; every name begins with `prefix`. */
export function upstreamFamilies(prefix: string, rows: Iterable<UpstreamRow>): Family[] {
  const one =
    (type: 'counter' | 'gauge') =>
    (name: string, help: string, read: (counts: UpstreamRow['counts']) => number): Family => ({
      name: `${prefix}_${name}`,
      help,
      type,
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: read(counts) })),
    });
  const [count, gauge] = [one('counter'), one('gauge')];
  return [
    count('requests_total', 'Attempts started, retries included.', ({ requests }) => requests),
    {
      name: `${prefix}_responses_total`,
      help: 'Responses by class of their status.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts }) => byStatusClass(labels, counts.statuses)),
    },
    {
      name: `${prefix}_failures_total`,
      help: 'Failed attempts by reason; head-timeout: no response head came in time.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts }) => byName(labels, 'reason', counts.failed)),
    },
    count(
      'shortages_total',
      'Attempts that could not be made, because this process lacked descriptors, local ports or memory.',
      ({ shortages }) => shortages,
    ),
    count(
      'abandoned_total',
      'Attempts abandoned before a response, because the client disconnected or the total timeout ended.',
      ({ abandoned }) => abandoned,
    ),
    {
      name: `${prefix}_response_head_seconds`,
      help: 'Time from sending a request to the head of its response.',
      type: 'histogram',
      series: perRow(rows, ({ labels, counts: { latencies } }) => ({ labels, latencies })),
    },
    gauge('active_requests', 'Requests in flight, upgraded connections included.', ({ active }) => active),
    gauge('upgraded_connections', 'Open upgraded connections (WebSocket).', ({ upgraded }) => upgraded),
    {
      name: `${prefix}_connections`,
      help: 'Open connections by state, active (carrying a request) or idle; upgraded ones excluded.',
      type: 'gauge',
      series: seriesOf(rows, ({ labels, counts: { connections, idle } }) => byName(labels, 'state', { active: connections - idle, idle })),
    },
    count('connects_total', 'Connections opened.', ({ connects }) => connects),
    count('connection_reuses_total', 'Attempts on a reused connection.', ({ reuses }) => reuses),
  ];
}
