import { type ExchangeRow, exchangeFamilies } from '../metrics/exchange-families.ts';
import { byName, type Family, type Labels, perRow, seriesOf } from '../metrics/family.ts';
import { type RetryRow, retryFamilies } from '../metrics/retry-families.ts';
import { type UpstreamRow, upstreamFamilies } from '../metrics/upstream-families.ts';
import { formatAddress } from '../model/address.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { ConsumerCount } from './consumer-counts.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import type { UrlHealth } from './url-health.ts';

/** Metrics of a gateway's projects and targets, and of the snapshot that it runs. `unmatched` counts requests that match no project. */
export function* projectFamilies(applier: SnapshotApplier, unmatched: ExchangeCounter): Pieces<Family[]> {
  return [...(yield* trafficFamilies(applier, unmatched)), ...snapshotFamilies(applier)];
}

/** Makes metrics of what requests to projects and targets did in this process, in pieces, of which each has one project: there may be thousands. */
export function* trafficFamilies(applier: SnapshotApplier, unmatched: ExchangeCounter): Pieces<Family[]> {
  const projects = applier.table?.projects ?? [];
  const rows: ExchangeRow[] = [{ labels: { project: '', resource: '' }, counts: unmatched.counts }];
  const budgets: RetryRow[] = [];
  const consumers: ConsumerRow[] = [];
  const targets: UpstreamRow[] = [];
  for (const project of projects) {
    rows.push(...resourceRows(project));
    if (isUsed(project)) budgets.push(...budgetRows(project));
    consumers.push(...consumerRows(project));
    targets.push(...targetRows(project));
    yield;
  }
  return [
    ...exchangeFamilies('sluice_project', rows),
    {
      name: 'sluice_project_policy_rejections_total',
      help: 'Requests that a policy refused, by name of the policy.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts }) => byName(labels, 'policy', counts.rejections)),
    },
    ...consumerFamilies(consumers),
    ...upstreamFamilies('sluice_target', targets),
    ...retryFamilies('sluice_target', budgets),
    ...healthFamilies(yield* healthRows(projects)),
  ];
}

interface ConsumerRow {
  readonly labels: Labels;
  readonly count: Pick<ConsumerCount, 'requests' | 'refused'>;
}

/** Rows only of consumers that have called: their number in each project is bounded by its counts. */
function consumerRows({ name, counters }: CompiledProject): ConsumerRow[] {
  return [...counters.consumers.bySeries].map(([consumer, count]) => ({ labels: { project: name, consumer }, count }));
}

function budgetRows({ name, counters }: CompiledProject): RetryRow[] {
  return [...counters.budgets].map(([target, { counts }]) => ({ labels: { project: name, target }, counts }));
}

function consumerFamilies(rows: readonly ConsumerRow[]): Family[] {
  const family = (name: string, help: string, value: (count: ConsumerRow['count']) => number): Family => ({
    name: `sluice_project_consumer_${name}_total`,
    help,
    type: 'counter',
    series: perRow(rows, ({ labels, count }) => ({ labels, value: value(count) })),
  });
  return [
    family(
      'requests',
      'Requests of consumers, refused ones included. After the first 100 of a project, consumer is other.',
      (count) => count.requests,
    ),
    family('refusals', 'Requests of consumers that a policy refused, for example for want of a subscription.', (count) => count.refused),
  ];
}

function isUsed({ counters }: CompiledProject): boolean {
  return hasRequests(counters.unmatched) || [...counters.resources.values()].some(hasRequests);
}

function hasRequests({ statuses }: ExchangeCounter): boolean {
  return statuses.some((count) => count > 0);
}

/** One row for each resource that has had requests. The others get no series: a gateway may have thousands of projects with many resources each. */
function resourceRows({ name, counters }: CompiledProject): ExchangeRow[] {
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

/** URLs of a target with the same host and port. */
interface HealthRow {
  readonly labels: Labels;
  readonly urls: UrlHealth[];
}

/** Rows of URLs that are checked or ejected. */
function* healthRows(projects: readonly CompiledProject[]): Pieces<HealthRow[]> {
  const rows = new Map<string, HealthRow>();
  for (const { health } of projects) {
    for (const url of health.values()) {
      const key = Object.values(url.labels).join(' ');
      const row = rows.get(key);
      if (row === undefined) rows.set(key, { labels: url.labels, urls: [url] });
      else row.urls.push(url);
    }
    yield;
  }
  return [...rows.values()];
}

function healthFamilies(all: readonly HealthRow[]): Family[] {
  const counter = (name: string, help: string, label: string, of: (url: UrlHealth) => Readonly<Record<string, number>>): Family => ({
    name: `sluice_target_${name}`,
    help,
    type: 'counter',
    series: seriesOf(all, ({ labels, urls }) =>
      byName(
        labels,
        label,
        urls.map(of).reduce((one, other) => addCounts(one, other)),
      ),
    ),
  });
  return [
    {
      name: 'sluice_target_up',
      help: '0 while health checks or an ejection keep a URL of the target out, 1 otherwise; only of targets with health or outlier.',
      type: 'gauge',
      series: perRow(all, ({ labels, urls }) => ({ labels, value: urls.some(({ upstream }) => upstream.out) ? 0 : 1 })),
    },
    counter('health_checks_total', 'Health checks by result: passed, or the reason for failing.', 'result', ({ results }) => results),
    counter(
      'ejections_total',
      'Ejections for too many failures in a row, by the reason of the last failure.',
      'reason',
      ({ ejections }) => ejections,
    ),
  ];
}

function countsOf({ counts, active, upgraded, pool }: Upstream): UpstreamRow['counts'] {
  return { ...counts, active, upgraded, connections: pool.open, idle: pool.idle };
}

/** Metrics of the snapshot that a gateway runs. */
export function snapshotFamilies({ running, environment, counts, applied, rejections }: SnapshotApplier): Family[] {
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
