import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateFiles, makeCertificate } from './certificate.ts';
import type { Availability, Contender, Place, Running } from './contender.ts';
import { checkCorrectness } from './correctness.ts';
import { measureFinding } from './finding.ts';
import { type IdleCost, measureIdleClients } from './idle-clients.ts';
import { describeMachine } from './machine.ts';
import { startUpstreams } from './nginx-upstreams.ts';
import { measurePicking } from './picking.ts';
import type { IdleCosts, Results } from './results.ts';
import { type Entrant, measure, type Timings } from './timing.ts';

/** Processor of the contender, and processor of the load and the upstreams. */
const contenderCpu = 0;
const otherCpu = 1;
/** Contenders whose memory is measured. */
const idleField = ['haproxy', 'nginx', 'sluice-balancer'];

export interface BenchOptions {
  readonly chosen: readonly Contender[];
  readonly quick: boolean;
  /** Holds everything that the run writes. The caller removes it. */
  readonly folder: string;
  readonly progress: (text: string) => void;
}

/** Performs the whole run: availability and correctness of each contender, then time, memory, and the cost of picking and finding. */
export async function bench({ chosen, quick, folder, progress }: BenchOptions): Promise<Results> {
  const begun = { date: new Date(), machine: describeMachine() };
  const { rounds, seconds, warmUp, clients, tlsClients } = quick
    ? { rounds: 1, seconds: 1, warmUp: false, clients: 200, tlsClients: 100 }
    : { rounds: 5, seconds: 2, warmUp: true, clients: 10_000, tlsClients: 5000 };
  const load = { folder: join(folder, 'load'), cpu: otherCpu, seconds, ...(quick && { clients: 8 }) };
  mkdirSync(load.folder, { recursive: true });
  const place = (purpose: string, contender: Contender): Place => {
    const own = join(folder, `${contender.name}-${purpose}`);
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

  const upstreams = await startUpstreams(join(folder, 'upstreams'), otherCpu);
  const { ports } = upstreams;
  const entrants: Entrant[] = [];
  for (const contender of fit) {
    const start = (purpose: string, more: { accessLog?: true; certificate?: CertificateFiles }) =>
      contender.start({ ...place(purpose, contender), upstreams: ports, accessLog: false, ...more });
    const quiet = await start('quiet', {});
    const logging = contender.logs ? await start('logging', { accessLog: true }) : undefined;
    const secured = contender.secures ? await start('tls', { certificate }) : undefined;
    entrants.push({ contender, quiet, logging, secured });
  }
  const timings: Timings = await measure(entrants, { ...load, rounds, warmUp, progress });
  const all = entrants.flatMap(({ quiet, logging, secured }) => [quiet, logging, secured]);
  await Promise.all(all.map((running: Running | undefined) => running?.stop()));

  const measureIdle = async (purpose: string, count: number, more: { certificate?: CertificateFiles }): Promise<IdleCosts> => {
    const costs = new Map<string, IdleCost | { failed: string }>();
    for (const contender of fit.filter(({ name }) => idleField.includes(name))) {
      progress(`memory of ${count} clients, ${purpose}: ${contender.name}`);
      const where = { ...place(purpose, contender), upstreams: ports, accessLog: false, ...more };
      const cost = await measureIdleClients(contender, where, count, load).catch((error: Error) => ({ failed: error.message }));
      costs.set(contender.name, cost);
    }
    return costs;
  };
  const idle = await measureIdle('idle', clients, {});
  const idleTls = await measureIdle('idle-tls', tlsClients, { certificate });
  await upstreams.stop();

  const inside = !quick && fit.some(({ name }) => name.startsWith('sluice'));
  if (inside) progress('picking servers, finding projects');
  const picking = inside ? measurePicking() : new Map<string, readonly number[]>();
  const finding = inside ? measureFinding() : new Map<string, readonly number[]>();
  return { ...begun, rounds, seconds, field, timings, idle, idleTls, picking, finding };
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
