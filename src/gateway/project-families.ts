import { exchangeFamilies } from '../metrics/exchange-families.ts';
import { byName, type Family, type Labels, seriesOf } from '../metrics/family.ts';
import { retryFamilies } from '../metrics/retry-families.ts';
import { type UpstreamRow, upstreamFamilies } from '../metrics/upstream-families.ts';
import { formatAddress } from '../model/address.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Metrics of a gateway's projects and targets, and of the snapshot that it runs. `unmatched` counts requests that match no project. */
export function projectFamilies(applier: SnapshotApplier, unmatched: ExchangeCounter): Family[] {
  const projects = applier.table?.projects ?? [];
  const rows = [{ labels: { project: '', resource: '' }, counts: unmatched.counts }, ...projects.flatMap(resourceRows)];
  const budgets = projects
    .filter(isUsed)
    .flatMap(({ name, counters }) => [...counters.budgets].map(([target, { counts }]) => ({ labels: { project: name, target }, counts })));
  return [
    ...exchangeFamilies('sluice_project', rows),
    {
      name: 'sluice_project_policy_rejections_total',
      help: 'Requests that a policy answered, by name of the policy.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts }) => byName(labels, 'policy', counts.rejections)),
    },
    ...upstreamFamilies('sluice_target', projects.flatMap(targetRows)),
    ...retryFamilies('sluice_target', budgets),
    ...snapshotFamilies(applier),
  ];
}

function isUsed({ counters }: CompiledProject): boolean {
  return hasRequests(counters.unmatched) || [...counters.resources.values()].some(hasRequests);
}

function hasRequests({ statuses }: ExchangeCounter): boolean {
  return statuses.some((count) => count > 0);
}

/** One row for each resource that has had requests. The others get no series: a gateway may have thousands of projects with many resources each. */
function resourceRows({ name, counters }: CompiledProject): { labels: Labels; counts: ExchangeCounter['counts'] }[] {
  const all = [['', counters.unmatched] as const, ...counters.resources];
  return all
    .filter(([, counter]) => hasRequests(counter))
    .map(([resource, counter]) => ({ labels: { project: name, resource }, counts: counter.counts }));
}

/** One row for each host and port of a target's URLs; the rest of a URL may contain a secret. */
function targetRows({ name, upstreams }: CompiledProject): UpstreamRow[] {
  const rows = new Map<string, UpstreamRow>();
  for (const upstream of upstreams.values()) {
    if (upstream.requests === 0) continue;
    const target = upstream.id.slice(0, upstream.id.indexOf(' '));
    const address = formatAddress(upstream.host, upstream.port);
    const counts = countsOf(upstream);
    const other = rows.get(`${target} ${address}`);
    const labels = { project: name, target, upstream: address };
    rows.set(`${target} ${address}`, { labels, counts: other === undefined ? counts : addCounts(other.counts, counts) });
  }
  return [...rows.values()];
}

function countsOf({ counts, active, upgraded, pool }: Upstream): UpstreamRow['counts'] {
  return { ...counts, active, upgraded, connections: pool.open, idle: pool.idle };
}

function snapshotFamilies({ running, environment, counts, applied, rejections }: SnapshotApplier): Family[] {
  const value = (type: 'counter' | 'gauge', name: string, help: string, series: readonly { labels: Labels; value: number }[]): Family => ({
    name: `sluice_gateway_${name}`,
    help,
    type,
    series,
  });
  const byState = { active: counts.deployed - counts.rejected, rejected: counts.rejected };
  return [
    value('gauge', 'snapshot_version', 'Version of the snapshot that is served.', running ? [{ labels: {}, value: running.version }] : []),
    value(
      'gauge',
      'snapshot_info',
      'Environment, epoch and hash of the snapshot that is served; always 1.',
      running && environment !== undefined ? [{ labels: { environment, epoch: running.epoch, hash: running.hash }, value: 1 }] : [],
    ),
    value('gauge', 'projects', 'Projects of the snapshot by state: active or rejected.', byName({}, 'state', byState)),
    value('counter', 'snapshots_applied_total', 'Snapshots applied.', [{ labels: {}, value: applied }]),
    value('counter', 'project_rejections_total', 'Projects rejected because they could not be applied.', [
      { labels: {}, value: rejections },
    ]),
  ];
}
