import { basename } from 'node:path';
import { type AccessLog, readAccessLog } from './access-log.ts';
import { Client } from './client.ts';
import { Pace } from './pace.ts';
import { ReplayCounts } from './replay-counts.ts';
import type { System } from './system.ts';

const clients = 16;
/**
 * Parts of the log after which the third server is started, the first one is stopped (once the third serves), and requests wait until the first
 * has ended.
 */
const course = { join: 0.3, leave: 0.65, gone: 0.95 };

export interface ReplayOptions {
  /** An access log in Apache's common or combined format. */
  readonly log: string;
  /** Number of lines to use, from the top. */
  readonly limit: number;
  /** Shortest time of the replay. */
  readonly seconds: number;
  /** Called for every event and every tenth of the requests. */
  readonly progress: (line: string) => void;
}

/** Result of a replay. */
export interface Outcome {
  readonly log: AccessLog;
  readonly name: string;
  readonly counts: ReplayCounts;
  readonly seconds: number;
  /** Exit status of the stopped server. */
  readonly stoppedWith: number | null;
}

/** Sends a log's requests through a balancer with two gateway servers. Meanwhile a third one joins, and the first one leaves. */
export async function replay(system: System, { log: file, limit, seconds, progress }: ReplayOptions): Promise<Outcome> {
  const log = readAccessLog(file, limit);
  const total = log.requests.length;
  const at = (part: number) => Math.floor(total * part);
  progress('starting a balancer and two gateway servers');
  await system.start();
  await Promise.all([system.add('gateway-1'), system.add('gateway-2')]);

  progress(`sending ${total} requests to ${system.address}`);
  const startedAt = performance.now();
  const counts = new ReplayCounts();
  const pace = new Pace(total, seconds);
  const milestones = trackMilestones(total, progress);
  const joined = milestones.reached(at(course.join)).then(async () => {
    progress('starting gateway-3');
    await system.add('gateway-3');
    progress('gateway-3 takes traffic');
  });
  const left = Promise.all([joined, milestones.reached(at(course.leave))]).then(async () => {
    progress('stopping gateway-1 (SIGTERM)');
    const status = await system.stopServer('gateway-1');
    progress(`gateway-1 has ended with status ${status}`);
    return status;
  });
  // A failure reaches the requests that wait for these promises. Before the first of them waits, it must not count as an unhandled rejection.
  joined.catch(() => {});
  left.catch(() => {});
  pace.hold(at(course.leave) + 1, joined);
  pace.hold(at(course.gone), left);
  let next = 0;
  const run = async () => {
    const client = new Client(system.address);
    for (let number = next++; number < total; number = next++) {
      await pace.turn(number);
      milestones.pass(number);
      await ask(client, log, number, counts);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: clients }, run));
  return { log, name: basename(file), counts, seconds: (performance.now() - startedAt) / 1000, stoppedWith: await left };
}

async function ask(client: Client, { requests }: AccessLog, number: number, counts: ReplayCounts): Promise<void> {
  const request = requests[number];
  if (request === undefined) return;
  counts.sent++;
  const sentAt = performance.now();
  try {
    const answer = await client.send(request);
    counts.answered(request, answer, performance.now() - sentAt);
  } catch (error) {
    counts.failed(request, error as Error);
  }
}

/** Tells when certain requests, and each tenth of all requests, are reached. */
function trackMilestones(total: number, progress: (line: string) => void) {
  const waiting = new Map<number, () => void>();
  return {
    reached: (number: number) => new Promise<void>((resolve) => waiting.set(number, resolve)),
    pass(number: number): void {
      waiting.get(number)?.();
      const tenth = Math.floor(((number + 1) * 10) / total);
      if (tenth > Math.floor((number * 10) / total)) progress(`${tenth * 10} % sent`);
    },
  };
}
