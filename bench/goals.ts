import { figureOf, medianOf, ratioOf } from './figures.ts';
import { projectCounts } from './finding.ts';
import { serverCounts } from './picking.ts';
import type { IdleCosts, Results } from './results.ts';

/** A limit that a measured value must not exceed. */
export interface Goal {
  readonly title: string;
  /** Undefined if not measured. */
  readonly value: number | undefined;
  /** The goal is met by any value up to this one. */
  readonly limit: number;
  readonly unit: string;
}

const [balancer, gateway, both, embedded] = ['sluice-balancer', 'sluice-gateway', 'sluice-both', 'sluice-embedded'];
/** Largest growth of cost from the smallest to the largest table that counts as constant, CPU caches included. */
const constant = 2;

/** Compares results with the goals of the project, for the balancer with every default feature on, and for what a request costs on the way through both roles. */
export function goals(results: Results): Goal[] {
  const ratio = (workload: string, contender = balancer) => {
    const figure = figureOf(results.timings, contender, workload);
    return figure !== undefined && 'ratio' in figure ? figure.ratio : undefined;
  };
  const microseconds = (contender: string) => {
    const figure = figureOf(results.timings, contender, 'small');
    return figure !== undefined && 'microseconds' in figure ? figure.microseconds : Number.NaN;
  };
  const { picking, finding, starts, latencies, idle, idleTls } = results;
  const start = (contender: string) => medianOf(starts, contender, ({ cold, warm }) => cold / warm);
  return [
    { title: 'small GET', value: ratio('small'), limit: 1, unit: '× HAProxy' },
    { title: 'small GET', value: defined(microseconds(balancer) / microseconds('http-proxy')), limit: 0.25, unit: '× http-proxy' },
    { title: '16 KiB', value: ratio('16k'), limit: 0.9, unit: '× HAProxy' },
    { title: '1 MiB', value: ratio('1m'), limit: 0.4, unit: '× HAProxy' },
    { title: 'POST 16 KiB', value: ratio('post'), limit: 0.8, unit: '× HAProxy' },
    { title: '25 headers', value: ratio('headers'), limit: 1, unit: '× HAProxy' },
    { title: 'access log on', value: ratio('log'), limit: 1, unit: '× HAProxy' },
    { title: 'gateway server alone: small GET', value: ratio('small', gateway), limit: 1.1, unit: '× HAProxy' },
    { title: 'balancer and gateway together: small GET', value: ratio('small', both), limit: 1.45, unit: "× HAProxy's one hop" },
    { title: 'balancer and gateway together: 25 headers', value: ratio('headers', both), limit: 1.5, unit: "× HAProxy's one hop" },
    { title: 'embedded: balancer and gateway in one process, small GET', value: ratio('small', embedded), limit: 1.15, unit: '× HAProxy' },
    { title: 'embedded, small GET, 512 clients', value: ratio('small-512', embedded), limit: 1.15, unit: '× HAProxy' },
    {
      title: 'p99 at half of the rate that HAProxy can carry',
      value: ratioOf(latencies, balancer, ({ p99 }) => p99),
      limit: 1,
      unit: '× HAProxy',
    },
    { title: 'first load after a start, small GET', value: start(balancer), limit: 1.2, unit: '× the warm price' },
    { title: 'gateway server: first load after a start, small GET', value: start(gateway), limit: 1.2, unit: '× the warm price' },
    { title: 'memory of an idle balancer', value: resident(idle, balancer), limit: 80, unit: 'MiB' },
    { title: 'memory of an idle gateway server', value: resident(idle, gateway), limit: 80, unit: 'MiB' },
    { title: 'memory for each idle client', value: kibibytes(idle), limit: 3, unit: 'KiB' },
    { title: 'TLS: small GET', value: ratio('tls'), limit: 1.05, unit: '× HAProxy' },
    { title: 'TLS: 16 KiB', value: ratio('tls-16k'), limit: 1.1, unit: '× HAProxy' },
    { title: 'TLS: 1 MiB', value: ratio('tls-1m'), limit: 1.1, unit: '× HAProxy' },
    { title: 'TLS: new connection', value: ratio('tls-new'), limit: 1.25, unit: '× HAProxy' },
    { title: 'TLS: resumed connection', value: ratio('tls-resumed'), limit: 1.25, unit: '× HAProxy' },
    { title: 'TLS: memory for each idle client', value: kibibytes(idleTls), limit: 40, unit: 'KiB' },
    ...[...picking].map(([name, costs]) => ({
      title: `picking by ${name} among ${serverCounts.at(-1)} servers`,
      value: growth(costs),
      limit: constant,
      unit: `× the cost among ${serverCounts[0]}`,
    })),
    ...[...finding].map(([name, costs]) => ({
      title: `finding a project among ${projectCounts.at(-1)}, ${name}`,
      value: growth(costs),
      limit: constant,
      unit: `× the cost among ${projectCounts[0]}`,
    })),
  ];
}

/** A pair of requests that was measured by `npm run bench:policies`. */
export interface MeasuredPair {
  readonly name: string;
  readonly ratio: number;
  /** Undefined: it has no goal. */
  readonly goal?: number | undefined;
  readonly unit: string;
}

/** Compares the cost of policies, and of a gateway server beside others, with the goals of the project. */
export function policyGoals(pairs: readonly MeasuredPair[]): Goal[] {
  return pairs.flatMap(({ name, ratio, goal, unit }) => (goal === undefined ? [] : [{ title: name, value: ratio, limit: goal, unit }]));
}

function resident(costs: IdleCosts, contender: string): number | undefined {
  const cost = costs.get(contender);
  return cost && 'clients' in cost ? cost.residentIdle / 2 ** 20 : undefined;
}

function kibibytes(costs: IdleCosts): number | undefined {
  const cost = costs.get(balancer);
  return cost && 'clients' in cost ? (cost.residentAfter - cost.residentBefore) / cost.clients / 1024 : undefined;
}

function growth(costs: readonly number[]): number | undefined {
  return defined((costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN));
}

function defined(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
