import { basename } from 'node:path';
import { type AccessLog, readAccessLog } from './access-log.ts';
import { Client } from './client.ts';
import { Pace } from './pace.ts';
import type { System } from './system.ts';
import { Tally } from './tally.ts';

const clients = 16;
/** When the third server is started, when the first is stopped (not before the third serves), and when it must be gone: parts of the log. */
const course = { join: 0.3, leave: 0.65, gone: 0.95 };

export interface ReplayOptions {
  /** An access log in Apache's common or combined format. */
  readonly log: string;
  /** Lines of it that are used, from the top. */
  readonly limit: number;
  /** How long sending takes, at least. */
  readonly seconds: number;
  /** Told of every event and of every tenth of the way. */
  readonly progress: (line: string) => void;
}

/** How it went. */
export interface Outcome {
  readonly log: AccessLog;
  readonly name: string;
  readonly tally: Tally;
  readonly seconds: number;
  /** Exit status of the server that was stopped. */
  readonly stoppedWith: number | null;
}

/** Sends a log's requests through a balancer with two gateway servers, of which a third joins them and the first leaves on the way. */
export async function replay(system: System, { log: file, limit, seconds, progress }: ReplayOptions): Promise<Outcome> {
  const log = readAccessLog(file, limit);
  const total = log.requests.length;
  const at = (part: number) => Math.floor(total * part);
  progress('starting a balancer and two gateway servers');
  await system.start();
  await Promise.all([system.add('gateway-1'), system.add('gateway-2')]);

  progress(`sending ${total} requests to ${system.address}`);
  const startedAt = performance.now();
  const tally = new Tally();
  const pace = new Pace(total, seconds);
  const signs = milestones(total, progress);
  const joined = signs.reached(at(course.join)).then(async () => {
    progress('starting gateway-3');
    await system.add('gateway-3');
    progress('gateway-3 takes traffic');
  });
  const left = Promise.all([joined, signs.reached(at(course.leave))]).then(async () => {
    progress('stopping gateway-1 (SIGTERM)');
    const status = await system.stopServer('gateway-1');
    progress(`gateway-1 has ended with status ${status}`);
    return status;
  });
  // Whoever waits for them is told; until then nobody may be there to hear.
  joined.catch(() => {});
  left.catch(() => {});
  pace.hold(at(course.leave) + 1, joined);
  pace.hold(at(course.gone), left);
  let next = 0;
  const run = async () => {
    const client = new Client(system.address);
    for (let number = next++; number < total; number = next++) {
      await pace.turn(number);
      signs.pass(number);
      await ask(client, log, number, tally);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: clients }, run));
  return { log, name: basename(file), tally, seconds: (performance.now() - startedAt) / 1000, stoppedWith: await left };
}

async function ask(client: Client, { requests }: AccessLog, number: number, tally: Tally): Promise<void> {
  const request = requests[number];
  if (request === undefined) return;
  tally.sent++;
  const sentAt = performance.now();
  try {
    const answer = await client.send(request);
    tally.answered(request, answer, performance.now() - sentAt);
  } catch (error) {
    tally.failed(request, error as Error);
  }
}

/** Says when the sending has come to a certain request, and each tenth of the way. */
function milestones(total: number, progress: (line: string) => void) {
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
