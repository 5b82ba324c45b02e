import type { Contender } from './contender.ts';
import { baseline } from './figures.ts';
import { type Workload, workloads } from './workloads.ts';

/** Everything that can be measured, by name: the workloads, and what is measured in another way. */
export const measurements: readonly string[] = [...workloads.map(({ name }) => name), 'rate', 'start', 'memory', 'inside'];

/** The workloads among chosen measurements. Rate and start are compared with small requests in the same round. */
export function workloadsOf(measured: ReadonlySet<string>): readonly Workload[] {
  const small = measured.has('rate') || measured.has('start');
  return workloads.filter(({ name }) => measured.has(name) || (small && name === 'small'));
}

/** Contenders whose latency is measured at a constant rate. */
export const rateField: readonly string[] = [baseline, 'sluice-balancer'];
/** Contenders whose first requests after a start are measured. */
export const startField: readonly string[] = ['sluice-balancer', 'sluice-gateway'];
/** Contenders whose memory is measured. */
export const idleField: readonly string[] = [baseline, 'nginx', 'sluice-balancer', 'sluice-gateway'];

/** Length of a run. */
export interface Extent {
  readonly rounds: number;
  /** Length of each measurement. */
  readonly seconds: number;
  /** True if an additional first round only warms up. */
  readonly warmUp: boolean;
  /** Rest after a start before memory is read, in seconds; after a load it is a third. */
  readonly rest: number;
  /** Idle clients, plain and over TLS. */
  readonly clients: number;
  readonly tlsClients: number;
  /** Clients of each load; undefined: those of the workload. */
  readonly loadClients?: number;
}

export const wholeExtent: Extent = { rounds: 5, seconds: 2, warmUp: true, rest: 6, clients: 10_000, tlsClients: 5000 };
export const quickExtent: Extent = { rounds: 1, seconds: 1, warmUp: false, rest: 0.5, clients: 200, tlsClients: 100, loadClients: 8 };

/** Seconds that a load takes beside its measurement, that a contender needs to start, and that each part takes that is measured once. */
const [loadStart, contenderStart, idleRest, insideSeconds] = [0.3, 1.5, 6, 25];
/** Idle clients that connect in a second. */
const connectRate = 2500;

/** Estimates the seconds from the first measurement to the end. */
export function wholeSeconds(fit: readonly Contender[], measured: ReadonlySet<string>, extent: Extent): number {
  const { rounds, warmUp, rest, clients, tlsClients } = extent;
  const idle = measured.has('memory') ? fit.filter(({ name }) => idleField.includes(name)) : [];
  const plain = idle.length * (idleRest + rest + clients / connectRate);
  const secured = idle.filter(({ secures }) => secures).length * (idleRest + rest + (2 * tlsClients) / connectRate);
  const inside = measured.has('inside') && fit.some(({ name }) => name.startsWith('sluice')) ? insideSeconds : 0;
  const starts = fit.reduce((sum, { logs, secures }) => sum + contenderStart * (1 + Number(logs) + Number(secures)), 0);
  const warmingUp = warmUp ? loadSeconds(fit, measured, extent) : 0;
  return plain + secured + inside + starts + warmingUp + rounds * roundSeconds(fit, measured, extent);
}

/** Estimates the seconds of a round. */
export function roundSeconds(fit: readonly Contender[], measured: ReadonlySet<string>, extent: Extent): number {
  const { seconds } = extent;
  const among = (names: readonly string[], name: string) => (measured.has(name) ? fit.filter((one) => names.includes(one.name)).length : 0);
  const starts = among(startField, 'start') * (contenderStart + 2 * (seconds + loadStart));
  return loadSeconds(fit, measured, extent) + among(rateField, 'rate') * (seconds + 2) + starts;
}

function loadSeconds(fit: readonly Contender[], measured: ReadonlySet<string>, { seconds }: Extent): number {
  const loads = workloadsOf(measured).flatMap((workload) => fit.filter((contender) => takes(contender, workload))).length;
  return loads * (seconds + loadStart);
}

/** True if a contender is measured under a workload. */
function takes({ logs, secures }: Contender, { accessLog, connections }: Workload): boolean {
  return connections === 'plain' ? logs || !accessLog : secures;
}
