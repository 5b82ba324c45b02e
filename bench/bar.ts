import { figureOf } from './figures.ts';
import { projectCounts } from './finding.ts';
import { serverCounts } from './picking.ts';
import type { Results } from './results.ts';

/** One line of what Sluice is to reach. */
export interface Aim {
  readonly title: string;
  /** What was measured; undefined: it was not. */
  readonly value: number | undefined;
  /** It is met by no more than this. */
  readonly limit: number;
  readonly unit: string;
}

const balancer = 'sluice-balancer';
/** What still counts as flat: the largest table costs at most this many times the smallest, caches included. */
const flat = 2;

/** The bar that the project set itself, for the balancer with everything on, and then the next one: HAProxy's own cost everywhere. */
export function aims(results: Results): Aim[] {
  const ratio = (workload: string) => {
    const figure = figureOf(results.timings, balancer, workload);
    return figure !== undefined && 'ratio' in figure ? figure.ratio : undefined;
  };
  const microseconds = (contender: string) => {
    const figure = figureOf(results.timings, contender, 'small');
    return figure !== undefined && 'microseconds' in figure ? figure.microseconds : Number.NaN;
  };
  const idle = results.idle.get(balancer);
  const { picking, finding } = results;
  return [
    { title: 'small GET', value: ratio('small'), limit: 1.25, unit: '× HAProxy' },
    { title: 'small GET', value: defined(microseconds(balancer) / microseconds('http-proxy')), limit: 0.25, unit: '× http-proxy' },
    { title: '16 KiB', value: ratio('16k'), limit: 1.2, unit: '× HAProxy' },
    { title: '1 MiB', value: ratio('1m'), limit: 0.8, unit: '× HAProxy' },
    { title: 'POST 16 KiB', value: ratio('post'), limit: 1, unit: '× HAProxy' },
    { title: '25 headers', value: ratio('headers'), limit: 1, unit: '× HAProxy' },
    { title: 'access log on', value: ratio('log'), limit: 1, unit: '× HAProxy' },
    {
      title: 'memory of an idle client',
      value: idle && 'clients' in idle ? (idle.residentAfter - idle.residentBefore) / idle.clients / 1024 : undefined,
      limit: 12,
      unit: 'KiB',
    },
    ...[...picking].map(([name, costs]) => ({
      title: `picking by ${name}, ${serverCounts.at(-1)} servers`,
      value: growth(costs),
      limit: flat,
      unit: `× the cost of ${serverCounts[0]}`,
    })),
    ...[...finding].map(([name, costs]) => ({
      title: `finding one of ${projectCounts.at(-1)} projects, ${name}`,
      value: growth(costs),
      limit: flat,
      unit: `× the cost of ${projectCounts[0]}`,
    })),
  ];
}

function growth(costs: readonly number[]): number | undefined {
  return defined((costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN));
}

function defined(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
