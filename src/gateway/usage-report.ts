import { formatAddress } from '../model/address.ts';
import { octetsOf } from '../model/octet-blocks.ts';
import type { Pieces } from '../model/pieces.ts';
import { type UsageCounts, type UsageList, type UsageRow, usageLists } from '../model/server-usage.ts';
import { sparse, UsageSum } from '../model/usage-sum.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { UrlHealth } from './url-health.ts';

/** Most URLs that get no requests in a report. */
const mostDown = 200;

/** Rows of each list as JSON, with commas between them. */
export type ReportRows = Readonly<Record<UsageList, string>>;

/** Inputs of {@link usageReport}. */
export interface UsageInputs {
  readonly projects: readonly CompiledProject[];
  /** Start of the server, in milliseconds since 1970. */
  readonly since: number;
  /** Name of the project to report with its routes, targets and policies; undefined: the totals of all projects are reported. */
  readonly project?: string | undefined;
  /** Milliseconds since the start of the process. */
  readonly now: number;
  /** The same instant in milliseconds since 1970. */
  readonly date: number;
}

/** Rows that become text in one go. */
const rowsAtOnce = 32;
/** Resources without requests that are passed over in one go. */
const unusedAtOnce = 100;

/** Rows of each list, each as JSON. */
type Rows = Readonly<Record<UsageList, readonly string[]>>;

/**
 * Writes what a server has counted as JSON in the form of `model/server-usage.ts`, as octets, in pieces: it may have thousands of projects with many
 * resources.
 */
export function* usageReport(inputs: UsageInputs): Pieces<Buffer> {
  return yield* octetsOf(textsOf(inputs.since, yield* rowsOf(inputs)));
}

function* textsOf(since: number, rows: Rows): Generator<string> {
  yield `{"since":${since}`;
  for (const list of usageLists) {
    yield `,"${list}":[`;
    yield* joinedRows(rows[list]);
    yield ']';
  }
  yield '}';
}

/** Rows with commas between them, some in each text. */
function* joinedRows(rows: readonly string[]): Generator<string> {
  for (let at = 0; at < rows.length; at += rowsAtOnce) yield `${at === 0 ? '' : ','}${rows.slice(at, at + rowsAtOnce).join()}`;
}

/** The report of a server whose requests several processes serve, from the rows of each. Readers add rows up; a URL that is down is told of once. */
export function reportOf(since: number, all: readonly ReportRows[]): string {
  const lists = all.length > 1 ? [...all.slice(0, 1), ...restOf(all)] : all;
  return `{"since":${since},${usageLists.map((list) => `"${list}":[${lists.flatMap((rows) => rows[list] || []).join()}]`).join()}}`;
}

/** The rows of all processes but the first, without what the ones before have said of URLs. */
function restOf([first, ...others]: readonly ReportRows[]): ReportRows[] {
  const told = new Set<string>();
  const isNew = (...url: readonly string[]) => {
    const key = JSON.stringify(url);
    return !told.has(key) && told.add(key);
  };
  const tell = ({ down, targets }: ReportRows) => {
    const newlyDown = rowsIn<'down'>(down).filter(({ project, target, url }) => isNew('down', project, target, url));
    const ofTargets = rowsIn<'targets'>(targets).map(({ urls, ...row }) => ({
      ...row,
      urls: urls.map((one) => (one.up !== false || isNew(row.project, row.target, one.url) ? one : { url: one.url, up: null })),
    }));
    return { down: textOf(newlyDown), targets: textOf(ofTargets) };
  };
  if (first !== undefined) tell(first);
  return others.map((rows) => ({ ...rows, ...tell(rows) }));
}

function rowsIn<List extends UsageList>(text: string): UsageRow<List>[] {
  return JSON.parse(`[${text}]`) as UsageRow<List>[];
}

function textOf(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row)).join();
}

/** Writes the rows of {@link usageReport} for another process. */
export function* reportRows(inputs: RowInputs): Pieces<ReportRows> {
  const rows = yield* rowsOf(inputs);
  const texts: [UsageList, string][] = [];
  for (const list of usageLists) {
    texts.push([list, rows[list].join()]);
    yield;
  }
  return Object.fromEntries(texts) as ReportRows;
}

function* rowsOf(inputs: RowInputs): Pieces<Rows> {
  const lists: Record<UsageList, string[]> = { projects: [], routes: [], targets: [], policies: [], consumers: [], down: [] };
  const put = <List extends UsageList>(list: List, row: UsageRow<List>) => void lists[list].push(JSON.stringify(row));
  for (const project of inputs.projects) {
    if (inputs.project === undefined || inputs.project === project.name) {
      yield* exchangesOf(project, inputs, put);
      yield* consumersOf(project, inputs, put);
      if (inputs.project !== undefined) yield* targetsOf(project, inputs, put);
      for (const row of downOf(project)) if (lists.down.length < mostDown) put('down', row);
    }
    yield;
  }
  return lists;
}

type RowInputs = Omit<UsageInputs, 'since'>;
type Put = <List extends UsageList>(list: List, row: UsageRow<List>) => void;

function* exchangesOf({ name, counters }: CompiledProject, { project: asked, now }: RowInputs, put: Put): Pieces<void> {
  const total = new UsageSum();
  const policies = new Map<string, number>();
  let unused = 0;
  for (const [resource, counter] of countersOf(counters)) {
    if (sum(counter.statuses) === 0) {
      if (++unused % unusedAtOnce === 0) yield;
      continue;
    }
    const counts = { ...countsOf(counter), perSecond: counter.rate.perSecond(now) };
    total.add(counts);
    if (asked !== undefined) put('routes', { project: name, resource, ...counts });
    for (const [policy, refused] of Object.entries(counter.rejections)) policies.set(policy, (policies.get(policy) ?? 0) + refused);
    yield;
  }
  if (total.requests > 0 || asked !== undefined) put('projects', { project: name, ...total.counts });
  if (asked !== undefined) for (const [policy, refused] of policies) put('policies', { project: name, policy, refused });
}

/** The counters of a project, with those of its resources by name. */
function* countersOf({ unmatched, resources }: CompiledProject['counters']) {
  yield ['', unmatched] as const;
  yield* resources;
}

function countsOf({ statuses, rejections, rejectedErrors, durations }: ExchangeCounter): Omit<UsageCounts, 'perSecond'> {
  const failed = (statuses[0] ?? 0) + Math.max(0, (statuses[5] ?? 0) - rejectedErrors);
  return { requests: sum(statuses), refused: sum(Object.values(rejections)), failed, latencies: sparse(durations.counts) };
}

function* consumersOf({ name, counters }: CompiledProject, { now, date }: RowInputs, put: Put): Pieces<void> {
  for (const { consumer, requests, refused, failed, lastAt, durations, rate } of [...counters.consumers, counters.consumers.others]) {
    if (requests === 0) continue;
    const counts = { requests, refused, failed, perSecond: rate.perSecond(now), latencies: sparse(durations.counts) };
    put('consumers', { project: name, consumer, ...counts, lastSeen: Math.round(date - now + lastAt) });
    yield;
  }
}

function* targetsOf({ name, counters, upstreams, health }: CompiledProject, { now }: RowInputs, put: Put): Pieces<void> {
  const watched = new Map([...health.values()].map((one) => [one.upstream, one]));
  const targets = new Map<string, Upstream[]>();
  for (const upstream of upstreams.values()) {
    const [target = ''] = upstream.id.split(' ', 1);
    targets.set(target, [...(targets.get(target) ?? []), upstream]);
  }
  for (const [target, ofTarget] of targets) {
    const total = new UsageSum();
    for (const { requests, failures, statuses, latencies } of ofTarget)
      total.add({ requests, refused: 0, failed: failures + (statuses[5] ?? 0), perSecond: 0, latencies: sparse(latencies.counts) });
    const perSecond = counters.rates.get(target)?.perSecond(now) ?? 0;
    put('targets', { project: name, target, ...total.counts, perSecond, urls: urlsOf(ofTarget, watched) });
    yield;
  }
}

/** The URLs of a target. Those with the same scheme, host and port are one. */
function urlsOf(upstreams: readonly Upstream[], watched: ReadonlyMap<Upstream, UrlHealth>): UsageRow<'targets'>['urls'] {
  const urls = new Map<string, UsageRow<'targets'>['urls'][number]>();
  for (const upstream of upstreams) {
    const url = originOf(upstream);
    const health = watched.get(upstream);
    const reason = health?.outFor;
    const before = urls.get(url);
    if (before?.up === false || (before !== undefined && health === undefined)) continue;
    urls.set(url, { url, up: health === undefined ? null : reason === undefined, ...(reason !== undefined && { reason }) });
  }
  return [...urls.values()];
}

function* downOf({ name, health }: CompiledProject): Generator<UsageRow<'down'>> {
  for (const { labels, upstream, outFor } of health.values())
    if (outFor !== undefined) yield { project: name, target: labels.target, url: originOf(upstream), reason: outFor };
}

/** A URL without its path, which may contain a secret. */
function originOf({ secure, host, port }: Upstream): string {
  return `${secure === undefined ? 'http' : 'https'}://${formatAddress(host, port)}`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
