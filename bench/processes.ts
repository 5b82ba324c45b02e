import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { eventually } from '../test/tools/eventually.ts';
import { within } from '../test/tools/within.ts';

export { freePort } from '../test/tools/free-port.ts';

/** Time in which a process may end after SIGTERM, in milliseconds. */
const endLimitMs = 3000;
const startLimitMs = 20_000;
const pollMs = 25;

/** Processes that have not ended. */
const started = new Set<Launched>();
let stopped = false;

export interface LaunchOptions {
  /** Working directory, which also holds its output. */
  readonly folder: string;
  readonly cpu?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** A child process with its descendants. {@link stopAll} ends all of them. */
export class Launched {
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #name: string;

  constructor(command: string, words: readonly string[], { folder, cpu, env }: LaunchOptions) {
    if (stopped) throw new Error('the bench was stopped');
    this.#name = basename(command);
    mkdirSync(folder, { recursive: true });
    this.#log = join(folder, `${this.#name}.out`);
    const output = openSync(this.#log, 'w');
    const line = cpu === undefined ? [command, ...words] : ['taskset', '-c', String(cpu), command, ...words];
    this.#process = spawn(line[0] as string, line.slice(1), {
      cwd: folder,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#process.on('error', () => {});
    started.add(this);
    this.#process.once('exit', () => started.delete(this));
  }

  get running(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Process ids of the process and its descendants. */
  pids(): number[] {
    return this.#process.pid === undefined || !this.running ? [] : processTree(this.#process.pid);
  }

  /** Resolves with its output when it has ended by itself. Rejects after `limitMs`. */
  async ended(limitMs: number): Promise<string> {
    const wait = { what: `${this.#name} to end`, seen: () => this.#lastLines(), limitMs };
    if (this.running) await within(once(this.#process, 'exit'), wait);
    return readFileSync(this.#log, 'utf8');
  }

  /** Resolves when `ready` no longer rejects. Rejects if the process ends, or after 20 s. */
  async until(ready: () => Promise<void>): Promise<void> {
    const ask = async () => {
      const failure = await ready().then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (failure !== undefined && !this.running) throw new Error(`${this.#name} ended: ${this.#lastLines() || 'it cannot be started'}`);
      return failure === undefined ? undefined : `${failure}; ${this.#lastLines()}`;
    };
    await eventually(ask, (failure) => failure === undefined, {
      what: `${this.#name} to be ready`,
      limitMs: startLimitMs,
      everyMs: pollMs,
    });
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const tree = this.pids();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => kill(tree), endLimitMs);
    await ended;
    clearTimeout(timer);
  }

  /** Sends SIGKILL to it and its descendants. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    kill(this.pids());
    if (this.running) await ended;
  }

  #lastLines(): string {
    return readFileSync(this.#log, 'utf8').trim().split('\n').slice(-5).join('\n');
  }
}

/** Kills all processes, refuses to start new ones, and resolves when all have ended. */
export async function stopAll(): Promise<void> {
  stopped = true;
  await Promise.all([...started].map((launched) => launched.kill()));
}

function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function parentOf(pid: number): number | undefined {
  try {
    // The name in parentheses may contain spaces and parentheses.
    const after = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? '';
    return Number(after.split(' ')[1]);
  } catch {
    return undefined;
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Already ended.
    }
  }
}

/** The environment of this process without variables that would change the measurement: settings of Sluice, options of Node.js. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SLUICE_|NODE_|TAP)/.test(name));
  return { ...Object.fromEntries(kept), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}
