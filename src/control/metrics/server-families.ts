import { byName, type Family } from '../../metrics/family.ts';
import { upstreamFamilies } from '../../metrics/upstream-families.ts';
import type { LiveServer } from '../../model/live.ts';
import type { ServerRecord } from '../../model/server.ts';

/** How each server of each environment fares. */
export function serverFamilies(servers: readonly LiveServer[], records: readonly ServerRecord[]): Family[] {
  const rows = servers.map((counts) => ({ labels: { environment: counts.environment, server: counts.id }, counts }));
  const gauge = (name: string, help: string, read: (server: LiveServer) => number): Family => ({
    name: `sluice_server_${name}`,
    help,
    type: 'gauge',
    series: rows.map(({ labels, counts }) => ({ labels, value: read(counts) })),
  });
  const counters = (name: string, help: string, label: string, read: (server: LiveServer) => Readonly<Record<string, number>>): Family => ({
    name: `sluice_server_${name}`,
    help,
    type: 'counter',
    series: rows.flatMap(({ labels, counts }) => byName(labels, label, read(counts))),
  });
  return [
    ...upstreamFamilies('sluice_server', rows),
    gauge('up', 'Whether its health lets it take requests: 1 up, 0 not.', ({ health }) => (health === 'up' ? 1 : 0)),
    gauge('weight', 'Its share, beside the weights of the others.', ({ weight }) => weight),
    counters('health_checks_total', 'Checks by result: passed, or why it failed.', 'result', ({ checks }) => checks?.results ?? {}),
    counters(
      'health_flips_total',
      'Changes of health that checks brought about, by what it changed to.',
      'to',
      ({ checks }) => checks?.flips ?? {},
    ),
    counters(
      'ejections_total',
      'Ejections for too many failures in a row, by what the last one was.',
      'reason',
      ({ checks }) => checks?.ejections ?? {},
    ),
    {
      name: 'sluice_server_snapshot_version',
      help: 'Version that a server runs, as it last reported.',
      type: 'gauge',
      series: records.flatMap(({ id, environment, running }) =>
        environment !== undefined && running !== undefined ? [{ labels: { environment, server: id }, value: running.version }] : [],
      ),
    },
  ];
}
