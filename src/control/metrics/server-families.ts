import { byName, type Family, perRow, seriesOf } from '../../metrics/family.ts';
import { upstreamFamilies } from '../../metrics/upstream-families.ts';
import type { CheckCounts, LiveServer } from '../../model/live.ts';
import type { ServerRecord } from '../../model/server.ts';

/** Makes the metric families of servers: exchanges, health, checks and snapshot versions. */
export function serverFamilies(
  servers: readonly LiveServer[],
  records: readonly ServerRecord[],
  checksOf: (server: LiveServer) => CheckCounts,
): Family[] {
  // Each row is made when it is read: thousands are never made at once.
  const rows = perRow(servers, (counts) => ({ labels: { environment: counts.environment, server: counts.id }, counts }));
  const gauge = (name: string, help: string, read: (server: LiveServer) => number): Family => ({
    name: `sluice_server_${name}`,
    help,
    type: 'gauge',
    series: perRow(rows, ({ labels, counts }) => ({ labels, value: read(counts) })),
  });
  const counters = (
    name: string,
    help: string,
    label: string,
    read: (checks: CheckCounts) => Readonly<Record<string, number>>,
  ): Family => ({
    name: `sluice_server_${name}`,
    help,
    type: 'counter',
    series: seriesOf(rows, ({ labels, counts }) => byName(labels, label, read(checksOf(counts)))),
  });
  return [
    ...upstreamFamilies('sluice_server', rows),
    {
      name: 'sluice_server_target_errors_total',
      help: '5xx responses for which, as the server says, a target or a project is to blame, not the server.',
      type: 'counter',
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: counts.targetErrors })),
    },
    gauge('up', 'Whether the server is healthy enough to take requests: 1 or 0.', ({ health }) => (health === 'up' ? 1 : 0)),
    gauge('weight', "The server's weight: its share of requests relative to the weights of the others.", ({ weight }) => weight),
    counters('health_checks_total', 'Health checks by result: passed, or the reason for failing.', 'result', ({ results }) => results),
    counters('health_flips_total', 'Changes of health caused by health checks, by the new health.', 'to', ({ flips }) => flips),
    counters(
      'ejections_total',
      'Ejections for too many failures in a row, by the reason of the last failure.',
      'reason',
      ({ ejections }) => ejections,
    ),
    {
      name: 'sluice_server_snapshot_version',
      help: 'Snapshot version that the server runs, as last reported.',
      type: 'gauge',
      series: seriesOf(records, ({ id, environment, running }) =>
        environment !== undefined && running !== undefined ? [{ labels: { environment, server: id }, value: running.version }] : [],
      ),
    },
  ];
}
