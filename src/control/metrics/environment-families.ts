import { exchangeFamilies } from '../../metrics/exchange-families.ts';
import { byName, type Family, perRow, seriesOf } from '../../metrics/family.ts';
import { retryFamilies } from '../../metrics/retry-families.ts';
import type { LiveEnvironment, LiveServer } from '../../model/live.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { failures } from '../../proxy/failures.ts';

/** Codes of responses that a balancer makes itself, each at 0: a series that exists before its first response shows the rise from 0 to 1. */
const noOwnResponses = Object.fromEntries(
  (
    [
      'noServer',
      'queueFull',
      'queueTimeout',
      'connectFailed',
      'upstreamReset',
      'badResponse',
      'connectTimeout',
      'headTimeout',
      'totalTimeout',
      'shortage',
    ] as const
  ).map((name) => [failures[name].code, 0]),
);

/** Identity of the snapshot that an environment wants. */
export type CurrentSnapshot = SnapshotId & { readonly environment: string };

/** Makes the metric families of environments: responses, retries, the queue, and the health of their servers. */
export function environmentFamilies(
  environments: readonly LiveEnvironment[],
  servers: readonly LiveServer[],
  snapshots: readonly CurrentSnapshot[],
): Family[] {
  const rows = environments.map(({ name, own, ...counts }) => ({
    labels: { environment: name },
    counts: { ...counts, own: { ...noOwnResponses, ...own } },
  }));
  // Counted when the first of the families is read.
  let known: ReadonlyMap<string, Standing> | undefined;
  const standing = (environment: string) => {
    known ??= standings(servers);
    return known.get(environment) ?? { ...noHealth, withoutLease: 0 };
  };
  const value = (type: 'counter' | 'gauge', name: string, help: string, read: (counts: LiveEnvironment) => number): Family => ({
    name: `sluice_environment_${name}`,
    help,
    type,
    series: perRow(environments, (counts) => ({ labels: { environment: counts.name }, value: read(counts) })),
  });
  return [
    ...exchangeFamilies('sluice_environment', rows),
    ...retryFamilies('sluice_environment', rows),
    value('gauge', 'queue_length', 'Requests waiting for a server with room.', ({ waiting }) => waiting),
    {
      name: 'sluice_environment_queue_wait_seconds',
      help: 'How long requests waited for a server with room, including those that were then refused.',
      type: 'histogram',
      series: perRow(rows, ({ labels, counts: { waits } }) => ({ labels, latencies: waits })),
    },
    value('counter', 'queue_overflows_total', 'Requests refused because the queue was full.', ({ overflows }) => overflows),
    value(
      'counter',
      'queue_timeouts_total',
      'Requests refused because no server had room within the queue timeout.',
      ({ timeouts }) => timeouts,
    ),
    value('gauge', 'panic', 'Whether so few servers are healthy that health is ignored: 1 or 0.', ({ panicking }) =>
      panicking > 0 ? 1 : 0,
    ),
    {
      name: 'sluice_environment_servers',
      help: 'Servers by health.',
      type: 'gauge',
      series: seriesOf(environments, ({ name }) => {
        const { withoutLease: _, ...health } = standing(name);
        return byName({ environment: name }, 'health', health);
      }),
    },
    {
      name: 'sluice_environment_servers_without_lease',
      help: 'Servers that take requests although their lease ended, because they still answer.',
      type: 'gauge',
      series: perRow(environments, ({ name }) => ({
        labels: { environment: name },
        value: standing(name).withoutLease,
      })),
    },
    {
      name: 'sluice_environment_snapshot_version',
      help: 'Snapshot version that the servers of an environment should run.',
      type: 'gauge',
      series: perRow(snapshots, ({ environment, version }) => ({ labels: { environment }, value: version })),
    },
  ];
}

const noHealth = { up: 0, down: 0, ejected: 0, unknown: 0 };

/** Servers of an environment by health, and those of them whose lease ended. */
type Standing = Record<LiveServer['health'] | 'withoutLease', number>;

function standings(servers: readonly LiveServer[]): Map<string, Standing> {
  const counted = new Map<string, Standing>();
  for (const { environment, health, leaseEndedAt } of servers) {
    const counts = counted.get(environment) ?? { ...noHealth, withoutLease: 0 };
    counts[health]++;
    if (leaseEndedAt !== undefined) counts.withoutLease++;
    counted.set(environment, counts);
  }
  return counted;
}
