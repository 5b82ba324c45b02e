import { exchangeFamilies } from '../metrics/exchange-families.ts';
import { byName, type Family, type Labels } from '../metrics/family.ts';
import { retryFamilies } from '../metrics/retry-families.ts';
import { type UpstreamRow, upstreamFamilies } from '../metrics/upstream-families.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import { formatAddress } from '../model/quantity.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { CompiledProject } from './compile.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** What a gateway counts of its projects and their targets, and which snapshot it runs. `missed`: requests for no project. */
export function projectFamilies(deployments: SnapshotApplier, missed: ExchangeCounter): Family[] {
  const projects = deployments.table?.projects ?? [];
  const rows = [{ labels: { project: '', resource: '' }, counts: missed.counts }, ...projects.flatMap(resourceRows)];
  const budgets = projects
    .filter(isUsed)
    .flatMap(({ name, counters }) => [...counters.budgets].map(([target, { counts }]) => ({ labels: { project: name, target }, counts })));
  return [
    ...exchangeFamilies('sluice_project', rows),
    {
      name: 'sluice_project_policy_rejections_total',
      help: 'Requests that a policy answered, by its name.',
      type: 'counter',
      series: rows.flatMap(({ labels, counts }) => byName(labels, 'policy', counts.rejections)),
    },
    ...upstreamFamilies('sluice_target', projects.flatMap(targetRows)),
    ...retryFamilies('sluice_target', budgets),
    ...snapshotFamilies(deployments),
  ];
}

function isUsed({ counters }: CompiledProject): boolean {
  return isAsked(counters.missed) || [...counters.resources.values()].some(isAsked);
}

function isAsked({ statuses }: ExchangeCounter): boolean {
  return statuses.some((count) => count > 0);
}

/** Of what nobody ever asked for there are no series: a gateway may have thousands of projects, and each of them many resources. */
function resourceRows({ name, counters }: CompiledProject): { labels: Labels; counts: ExchangeCounter['counts'] }[] {
  const all = [['', counters.missed] as const, ...counters.resources];
  return all
    .filter(([, counter]) => isAsked(counter))
    .map(([resource, counter]) => ({ labels: { project: name, resource }, counts: counter.counts }));
}

/** By the host and port of a target's URLs: the rest of a URL may hold a secret. */
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

function snapshotFamilies({ running, environment, states, applied, rejections }: SnapshotApplier): Family[] {
  const value = (type: 'counter' | 'gauge', name: string, help: string, series: readonly { labels: Labels; value: number }[]): Family => ({
    name: `sluice_gateway_${name}`,
    help,
    type,
    series,
  });
  const byState = { active: 0, rejected: 0 };
  for (const { state } of states) byState[state]++;
  return [
    value('gauge', 'snapshot_version', 'Version of the snapshot that answers.', running ? [{ labels: {}, value: running.version }] : []),
    value(
      'gauge',
      'snapshot_info',
      'Which snapshot answers.',
      running && environment !== undefined ? [{ labels: { environment, epoch: running.epoch, hash: running.hash }, value: 1 }] : [],
    ),
    value('gauge', 'projects', 'Projects of the snapshot, by whether their revision could be applied.', byName({}, 'state', byState)),
    value('counter', 'snapshots_applied_total', 'Snapshots put into effect.', [{ labels: {}, value: applied }]),
    value('counter', 'project_rejections_total', 'Projects of snapshots that could not be applied.', [{ labels: {}, value: rejections }]),
  ];
}
