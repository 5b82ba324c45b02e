import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Availability, Contender, Running, StartOptions } from './contender.ts';
import { checkCorrectness } from './correctness.ts';
import { measureFinding } from './finding.ts';
import { type IdleCost, measureIdleClients } from './idle-clients.ts';
import { describeMachine } from './machine.ts';
import { startUpstreams } from './nginx-upstreams.ts';
import { measurePicking } from './picking.ts';
import type { Results } from './results.ts';
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
  const { rounds, seconds, warmUp, clients } = quick
    ? { rounds: 1, seconds: 1, warmUp: false, clients: 200 }
    : { rounds: 5, seconds: 2, warmUp: true, clients: 10_000 };
  const load = { folder: join(folder, 'load'), cpu: otherCpu, seconds };
  mkdirSync(load.folder, { recursive: true });
  const place = (purpose: string, contender: Contender): Omit<StartOptions, 'upstreams' | 'accessLog'> => {
    const own = join(folder, `${contender.name}-${purpose}`);
    mkdirSync(own);
    return { folder: own, cpu: contenderCpu };
  };

  const field = new Map<string, Availability>();
  const fit: Contender[] = [];
  for (const contender of chosen) {
    const found = await examine(contender, place('check', contender));
    field.set(contender.name, found);
    progress(`${contender.name}: ${'version' in found ? `${found.version}, correct` : found.missing}`);
    if ('version' in found) fit.push(contender);
  }

  const upstreams = await startUpstreams(join(folder, 'upstreams'), otherCpu);
  const { ports } = upstreams;
  const entrants: Entrant[] = [];
  for (const contender of fit) {
    const start = (accessLog: boolean) =>
      contender.start({ ...place(accessLog ? 'logging' : 'quiet', contender), upstreams: ports, accessLog });
    entrants.push({ contender, quiet: await start(false), logging: contender.logs ? await start(true) : undefined });
  }
  const timings: Timings = await measure(entrants, { ...load, rounds, warmUp, progress });
  const all = entrants.flatMap(({ quiet, logging }) => (logging ? [quiet, logging] : [quiet]));
  await Promise.all(all.map((running: Running) => running.stop()));

  const idle = new Map<string, IdleCost | { failed: string }>();
  for (const contender of fit.filter(({ name }) => idleField.includes(name))) {
    progress(`memory of ${clients} idle clients: ${contender.name}`);
    const where = { ...place('idle', contender), upstreams: ports, accessLog: false };
    idle.set(
      contender.name,
      await measureIdleClients(contender, where, clients, load).catch((error: Error) => ({ failed: error.message })),
    );
  }
  await upstreams.stop();

  const inside = !quick && fit.some(({ name }) => name.startsWith('sluice'));
  if (inside) progress('picking servers, finding projects');
  const picking = inside ? measurePicking() : new Map<string, readonly number[]>();
  const finding = inside ? measureFinding() : new Map<string, readonly number[]>();
  return { ...begun, rounds, seconds, field, timings, idle, picking, finding };
}

/** Checks that a contender is available and correct. Otherwise it is left out, and the report gives the reason. */
async function examine(contender: Contender, place: Omit<StartOptions, 'upstreams' | 'accessLog'>): Promise<Availability> {
  const found = contender.available();
  if ('missing' in found) return found;
  try {
    await checkCorrectness(contender, place);
    return found;
  } catch (error) {
    return { missing: (error as Error).message };
  }
}
