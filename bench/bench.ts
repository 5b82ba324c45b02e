import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { RoundValues } from './by-round.ts';
import { type CertificateFiles, makeCertificate } from './certificate.ts';
import { type Latency, measureLatency } from './constant-rate.ts';
import type { Availability, Contender, Place, Running } from './contender.ts';
import { checkCorrectness } from './correctness.ts';
import { baseline } from './figures.ts';
import { measureFinding } from './finding.ts';
import { type IdleCost, measureIdleClients } from './idle-clients.ts';
import { describeMachine } from './machine.ts';
import { startUpstreams } from './nginx-upstreams.ts';
import { measurePicking } from './picking.ts';
import { type Extent, idleField, rateField, roundSeconds, startField, wholeSeconds, workloadsOf } from './plan.ts';
import type { IdleCosts, Results } from './results.ts';
import { measureStart, type StartCost } from './starting.ts';
import { type Entrant, type Measuring, measureRound, type Series } from './timing.ts';
import { type Workload, workloads } from './workloads.ts';

/** Processor of the contender, and processor of the load and the upstreams. */
const contenderCpu = 0;
const otherCpu = 1;

export interface BenchOptions {
  readonly chosen: readonly Contender[];
  /** Names of `measurements` (plan.ts). */
  readonly measured: ReadonlySet<string>;
  readonly extent: Extent;
  /** Holds everything that the run writes. The caller removes it. */
  readonly folder: string;
  readonly progress: (text: string) => void;
  /** Takes the results after each round: a run that is stopped has the rounds that are done. */
  readonly save: (results: Results) => void;
}

/** Performs the whole run: availability and correctness of each contender, memory, the cost of picking and finding, then time, round after round. */
export async function bench({ chosen, measured, extent, folder, progress, save }: BenchOptions): Promise<void> {
  const begun = { date: new Date(), machine: describeMachine() };
  const { rounds, seconds, clients, tlsClients } = extent;
  const load = { folder: join(folder, 'load'), cpu: otherCpu, seconds, ...(extent.loadClients && { clients: extent.loadClients }) };
  mkdirSync(load.folder, { recursive: true });
  let places = 0;
  const place = (purpose: string, contender: Contender): Place => {
    const own = join(folder, `${contender.name}-${purpose}-${places++}`);
    mkdirSync(own);
    return { folder: own, cpu: contenderCpu };
  };

  const certificate = makeCertificate(folder);
  const field = new Map<string, Availability>();
  const fit: Contender[] = [];
  for (const contender of chosen) {
    const plain = await examine(contender, place('check', contender));
    const secured = contender.secures && { ...place('tls-check', contender), certificate };
    const found = secured && 'version' in plain ? await examine(contender, secured) : plain;
    field.set(contender.name, found);
    progress(`${contender.name}: ${'version' in found ? `${found.version}, correct` : found.missing}`);
    if ('version' in found) fit.push(contender);
  }
  progress(`This takes about ${minutes(wholeSeconds(fit, measured, extent))}. The results are saved after each of ${rounds} rounds.`);

  const upstreams = await startUpstreams(join(folder, 'upstreams'), otherCpu);
  const { ports } = upstreams;
  const measureIdle = async (purpose: string, count: number, more: { certificate?: CertificateFiles }): Promise<IdleCosts> => {
    const costs = new Map<string, IdleCost | { failed: string }>();
    const able = fit.filter(({ name, secures }) => idleField.includes(name) && (secures || more.certificate === undefined));
    for (const contender of measured.has('memory') ? able : []) {
      progress(`memory of ${count} clients, ${purpose}: ${contender.name}`);
      const where = { ...place(purpose, contender), upstreams: ports, accessLog: false, ...more };
      const cost = await measureIdleClients(contender, where, { clients: count, rest: extent.rest }, load).catch((error: Error) => ({
        failed: error.message,
      }));
      costs.set(contender.name, cost);
    }
    return costs;
  };
  const idle = await measureIdle('idle', clients, {});
  const idleTls = await measureIdle('idle-tls', tlsClients, { certificate });
  const inside = measured.has('inside') && fit.some(({ name }) => name.startsWith('sluice'));
  if (inside) progress('picking servers, finding projects');
  const picking = inside ? measurePicking() : new Map<string, readonly number[]>();
  const finding = inside ? measureFinding() : new Map<string, readonly number[]>();
  const fixed = { rounds, seconds, field, idle, idleTls, picking, finding };

  const entrants: Entrant[] = [];
  const wanted = workloadsOf(measured);
  const [logs, secures] = [wanted.some(({ accessLog }) => accessLog), wanted.some(({ connections }) => connections !== 'plain')];
  for (const contender of fit) {
    const start = (purpose: string, more: { accessLog?: true; certificate?: CertificateFiles }) =>
      contender.start({ ...place(purpose, contender), upstreams: ports, accessLog: false, ...more });
    const quiet = await start('quiet', {});
    const logging = contender.logs && logs ? await start('logging', { accessLog: true }) : undefined;
    const secured = contender.secures && secures ? await start('tls', { certificate }) : undefined;
    entrants.push({ contender, quiet, logging, secured });
  }

  const small = workloads.find(({ name }) => name === 'small') as Workload;
  const timings: Measuring = new Map(fit.map(({ name }) => [name, new Map<string, Series>()]));
  const latencies = new RoundValues<Latency>(progress);
  const starts = new RoundValues<StartCost>(progress);
  for (let round = extent.warmUp ? 0 : 1; round <= rounds; round++) {
    const title = `round ${round}/${rounds}`;
    await measureRound(entrants, timings, title, round > 0, { ...load, workloads: wanted, progress });
    if (round === 0) continue;
    const capacity = capacityOf(timings.get(baseline)?.get(small.name));
    for (const { contender, quiet } of entrants) {
      const { name } = contender;
      if (measured.has('rate') && capacity !== undefined && rateField.includes(name)) {
        const cost = () => measureLatency(quiet.port, capacity / 2, load, [...quiet.processes, ...upstreams.processes]);
        await latencies.add(name, `${title}, constant rate`, cost, ({ p99, rate }) => `p99 ${p99.toFixed(2)} ms at ${Math.round(rate)}/s`);
      }
      if (measured.has('start') && startField.includes(name)) {
        const where = { ...place('start', contender), upstreams: ports, accessLog: false };
        const cost = () => measureStart(contender, where, quiet, small, load);
        await starts.add(name, `${title}, after a start`, cost, ({ cold, warm }) => `${cold.toFixed(1)} µs, warm ${warm.toFixed(1)} µs`);
      }
    }
    save({ ...begun, ...fixed, done: round, timings, latencies: latencies.found, starts: starts.found });
    if (round < rounds) progress(`round ${round} is saved; about ${minutes(roundSeconds(fit, measured, extent) * (rounds - round))} left`);
  }
  const all = entrants.flatMap(({ quiet, logging, secured }) => [quiet, logging, secured]);
  await Promise.all(all.map((running: Running | undefined) => running?.stop()));
  await upstreams.stop();
}

/** Requests a second of the last round; undefined: not measured. */
function capacityOf(series: Series | undefined): number | undefined {
  return series === undefined || 'failed' in series ? undefined : series.at(-1)?.requestsPerSecond;
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds / 10) * 10} s` : `${Math.ceil(seconds / 60)} min`;
}

/** Checks that a contender is available and correct. Otherwise it is left out, and the report gives the reason. */
async function examine(contender: Contender, place: Place): Promise<Availability> {
  const found = contender.available();
  if ('missing' in found) return found;
  try {
    await checkCorrectness(contender, place);
    return found;
  } catch (error) {
    return { missing: (error as Error).message };
  }
}
