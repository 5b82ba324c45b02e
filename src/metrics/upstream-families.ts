import type { ServerCounts } from '../model/counts.ts';
import type { ServerGauges } from '../model/live.ts';
import { byName, byStatusClass, type Family, type Labels } from './family.ts';

/** What was asked of whom, and how that went. */
export interface UpstreamRow {
  readonly labels: Labels;
  readonly counts: ServerCounts & ServerGauges;
}

/** Attempts at servers or targets; every name begins with `prefix`. */
export function upstreamFamilies(prefix: string, rows: readonly UpstreamRow[]): Family[] {
  const one =
    (type: 'counter' | 'gauge') =>
    (name: string, help: string, read: (counts: UpstreamRow['counts']) => number): Family => ({
      name: `${prefix}_${name}`,
      help,
      type,
      series: rows.map(({ labels, counts }) => ({ labels, value: read(counts) })),
    });
  const [count, gauge] = [one('counter'), one('gauge')];
  return [
    count('requests_total', 'Attempts begun, retries included.', ({ requests }) => requests),
    {
      name: `${prefix}_responses_total`,
      help: 'Responses by class of status.',
      type: 'counter',
      series: rows.flatMap(({ labels, counts }) => byStatusClass(labels, counts.statuses)),
    },
    {
      name: `${prefix}_failures_total`,
      help: 'Attempts that failed, by reason; head-timeout: it took the request and hung.',
      type: 'counter',
      series: rows.flatMap(({ labels, counts }) => byName(labels, 'reason', counts.failed)),
    },
    count(
      'abandoned_total',
      'Attempts given up before an answer, because the client left or the time was over.',
      ({ abandoned }) => abandoned,
    ),
    {
      name: `${prefix}_response_head_seconds`,
      help: 'From sending a request to the head of its response.',
      type: 'histogram',
      series: rows.map(({ labels, counts: { latencies } }) => ({ labels, latencies })),
    },
    gauge('active_requests', 'Requests in flight, upgraded connections included.', ({ active }) => active),
    gauge('upgraded_connections', 'Upgraded connections (WebSocket) open.', ({ upgraded }) => upgraded),
    {
      name: `${prefix}_connections`,
      help: 'Connections open, by whether they carry a request or wait for the next one; upgraded ones aside.',
      type: 'gauge',
      series: rows.flatMap(({ labels, counts: { connections, idle } }) => byName(labels, 'state', { active: connections - idle, idle })),
    },
    count('connects_total', 'Connections begun.', ({ connects }) => connects),
    count('connection_reuses_total', 'Attempts on a connection that had carried one before.', ({ reuses }) => reuses),
  ];
}
