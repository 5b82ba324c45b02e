import { figureOf } from './figures.ts';
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

const balancer = 'sluice-balancer';
/** Largest growth of cost from the smallest to the largest table that counts as constant, CPU caches included. */
const constant = 2;

/** Compares results with the goals of the project, for the balancer with every default feature on. */
export function goals(results: Results): Goal[] {
  const ratio = (workload: string) => {
    const figure = figureOf(results.timings, balancer, workload);
    return figure !== undefined && 'ratio' in figure ? figure.ratio : undefined;
  };
  const microseconds = (contender: string) => {
    const figure = figureOf(results.timings, contender, 'small');
    return figure !== undefined && 'microseconds' in figure ? figure.microseconds : Number.NaN;
  };
  const { picking, finding } = results;
  return [
    { title: 'small GET', value: ratio('small'), limit: 1.25, unit: '× HAProxy' },
    { title: 'small GET', value: defined(microseconds(balancer) / microseconds('http-proxy')), limit: 0.25, unit: '× http-proxy' },
    { title: '16 KiB', value: ratio('16k'), limit: 1.2, unit: '× HAProxy' },
    { title: '1 MiB', value: ratio('1m'), limit: 0.8, unit: '× HAProxy' },
    { title: 'POST 16 KiB', value: ratio('post'), limit: 1, unit: '× HAProxy' },
    { title: '25 headers', value: ratio('headers'), limit: 1, unit: '× HAProxy' },
    { title: 'access log on', value: ratio('log'), limit: 1, unit: '× HAProxy' },
    { title: 'memory for each idle client', value: kibibytes(results.idle), limit: 12, unit: 'KiB' },
    { title: 'TLS: small GET', value: ratio('tls'), limit: 1.05, unit: '× HAProxy' },
    { title: 'TLS: 16 KiB', value: ratio('tls-16k'), limit: 1.1, unit: '× HAProxy' },
    { title: 'TLS: 1 MiB', value: ratio('tls-1m'), limit: 1.1, unit: '× HAProxy' },
    { title: 'TLS: new connection', value: ratio('tls-new'), limit: 1.25, unit: '× HAProxy' },
    { title: 'TLS: resumed connection', value: ratio('tls-resumed'), limit: 1.25, unit: '× HAProxy' },
    { title: 'TLS: memory for each idle client', value: kibibytes(results.idleTls), limit: 40, unit: 'KiB' },
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
