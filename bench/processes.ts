import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';

/** How long a process gets to end by itself, in milliseconds. */
const patienceMs = 3000;
const startMs = 20_000;
const pollMs = 25;

/** Every process started here that has not ended. */
const started = new Set<Launched>();
let stopped = false;

export interface LaunchOptions {
  /** Where its output goes and what it runs in. */
  readonly folder: string;
  readonly cpu?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process started here, and whatever it starts. Nothing survives the bench: see {@link stopAll}. */
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

  /** It and its descendants. */
  pids(): number[] {
    return this.#process.pid === undefined || !this.running ? [] : processTree(this.#process.pid);
  }

  /** Settles when it has ended by itself, with what it said. */
  async ended(): Promise<string> {
    if (this.running) await once(this.#process, 'exit');
    return readFileSync(this.#log, 'utf8');
  }

  /** Settles when `ready` does not throw any more. Rejects if the process ends or it takes too long. */
  async until(ready: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + startMs;
    for (;;) {
      const failure = await ready().catch((error: unknown) => error as Error);
      if (failure === undefined) return;
      if (!this.running) throw new Error(`${this.#name} ended at once: ${this.#lastWords() || 'it cannot be started'}`);
      if (Date.now() > deadline)
        throw new Error(`${this.#name} was not ready in ${startMs / 1000} s: ${failure.message}; ${this.#lastWords()}`);
      await new Promise<void>((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const tree = this.pids();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => kill(tree), patienceMs);
    await ended;
    clearTimeout(timer);
  }

  /** Ends it without giving it time. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    kill(this.pids());
    if (this.running) await ended;
  }

  #lastWords(): string {
    return readFileSync(this.#log, 'utf8').trim().split('\n').slice(-5).join('\n');
  }
}

/** Ends everything at once, for good, however far it has come; settles when all is gone. */
export async function stopAll(): Promise<void> {
  stopped = true;
  await Promise.all([...started].map((launched) => launched.kill()));
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
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
    // The name in brackets may hold spaces and brackets itself.
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
      // It has ended already.
    }
  }
}

/** Nothing that changes what is measured: no Sluice settings of the caller, no options for Node. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SLUICE_|NODE_|TAP)/.test(name));
  return { ...Object.fromEntries(kept), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}
