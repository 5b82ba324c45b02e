import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { Condition } from '../tools/condition.ts';
import type { Program } from '../tools/debian-packages.ts';
import { findRedis } from '../tools/find-redis.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { uncovered } from '../tools/sluice-process.ts';
import { root } from '../tools/source-files.ts';
import { within } from '../tools/within.ts';
import { Ports } from './ports.ts';
import { standIns } from './stand-ins.ts';

/** Output by which a started program shows that it is ready. The first matching command counts. */
const readyOutputs: readonly (readonly [command: RegExp, output: RegExp])[] = [
  [/\bsluice up\b|\bnpm start\b/, /Ctrl-C stops/],
  [/\bsluice serve\b/, /"control":"http/],
  [/\bredis-server\b.* --sentinel/, /Sentinel ID is/],
  [/\bredis-server\b/, /Ready to accept connections/],
  [/\bnode app\.mjs\b/, /^listening$/m],
];

const running = new Set<ChildProcess>();
// Also when the test ends by an exception or by process.exit.
process.on('exit', () => {
  for (const child of running) signal(child, 'SIGKILL');
});

/** Follows a page in a fresh folder, with a shell for each block, on free ports. */
export class Walk {
  readonly folder: string;
  readonly #ports = new Ports();
  readonly #env: Readonly<Record<string, string>>;
  readonly #running: ChildProcess[] = [];
  /** Output of all processes that keep running. */
  #output = '';
  readonly #changed = new Condition();
  /** The `export` lines of earlier blocks, repeated in every later shell. */
  readonly #exports: string[] = [];

  private constructor(t: Test, redis: Program) {
    this.folder = ownFolder(t);
    symlinkSync(new URL('config', root), join(this.folder, 'config'));
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules/sluice'));
    const places = Object.entries(standIns).map(([name, scripts]) => {
      const folder = join(this.folder, `.${name}`);
      mkdirSync(folder);
      for (const [script, text] of Object.entries(scripts)) writeFileSync(join(folder, script), text, { mode: 0o755 });
      return folder;
    });
    const [first, last] = places;
    this.#env = { ...redis.env, PATH: `${first}:${process.env['PATH']}:${dirname(redis.program)}:${last}`, SLUICE_LOG_LEVEL: 'info' };
    t.teardown(async () => {
      for (const child of this.#running) signal(child, 'SIGKILL');
      await Promise.all(this.#running.map(gone));
    });
  }

  /** @param known real ports of servers that run already, by the port that pages name */
  static async begin(t: Test, known: Readonly<Record<number, number>> = {}): Promise<Walk> {
    const walk = new Walk(t, await findRedis());
    for (const [written, real] of Object.entries(known)) walk.#ports.set(Number(written), real);
    return walk;
  }

  /** Saves a file of the page in the folder. */
  async save(file: string, text: string): Promise<void> {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), await this.#ports.real(text));
  }

  /** Runs commands that end by themselves, and resolves with their output. Rejects unless all of them succeed. */
  async run(commands: string): Promise<string> {
    const { status, out, err } = await this.#end(commands);
    if (status !== 0) throw new Error(`status ${status} from:\n${commands}\n${err}${out}`);
    return out;
  }

  /** Runs commands that must fail, and resolves with their output and errors. Rejects if they succeed. */
  async fail(commands: string): Promise<string> {
    const { status, out, err } = await this.#end(commands);
    if (status === 0) throw new Error(`this should have failed, but succeeded:\n${commands}\n${out}`);
    return out + err;
  }

  /** Starts a command that keeps running, and resolves with its output when it is ready. */
  async start(command: string): Promise<string> {
    const child = await this.#spawn(command);
    this.#running.push(child);
    const isReady = readiness(command);
    let output = '';
    let ended = false;
    const hear = (text: string) => {
      output += text;
      this.#output += text;
      this.#changed.notify();
    };
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', hear);
    child.once('close', () => {
      ended = true;
      this.#changed.notify();
    });
    await this.#changed.until(
      () => {
        if (isReady(output, this.#output)) return true;
        if (ended) throw new Error(`ended before it was ready: ${command}\n${output}`);
      },
      { what: `"${command.trim()}" to be ready`, seen: () => output },
    );
    return this.#ports.written(output);
  }

  /** Presses Ctrl-C in every terminal, the last one first, and resolves when no process is left. */
  async stop(): Promise<void> {
    for (const child of [...this.#running].reverse()) {
      signal(child, 'SIGINT');
      await gone(child);
    }
  }

  async #end(commands: string): Promise<{ status: number | null; out: string; err: string }> {
    const child = await this.#spawn(commands);
    const output = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.err += text));
    const closed = once(child, 'close') as Promise<[number | null]>;
    const [status] = await within(closed, { what: `"${commands.trim()}" to end`, seen: () => output.out + output.err });
    this.#exports.push(...commands.split('\n').filter((line) => line.startsWith('export ')));
    return { status, out: this.#ports.written(output.out), err: this.#ports.written(output.err) };
  }

  async #spawn(written: string): Promise<ChildProcess> {
    const commands = await this.#ports.real([...this.#exports, written].join('\n'));
    // A configuration file says where to listen; a variable would override it.
    const file = / --config (\S+)/.exec(written)?.[1];
    const config = file === undefined ? '' : readFileSync(join(this.folder, file), 'utf8');
    const places = {
      ...(/^control:/m.test(config) ? {} : { SLUICE_CONTROL_LISTEN: await this.#ports.real('127.0.0.1:9000') }),
      ...(file !== undefined ? {} : { SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: await this.#ports.real('127.0.0.1:8080') }),
    };
    const [program, ...words] = [...uncovered, '/bin/sh', '-ec', commands] as const;
    const child = spawn(program, words, {
      cwd: this.folder,
      // Its own process group, like a job of a shell.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#env, ...places, SLUICE_CONTROL: await this.#ports.real('http://127.0.0.1:9000') },
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }
}

/** Makes the check whether a command is ready, from its own output and that of all processes. */
function readiness(command: string): (output: string, all: string) => boolean {
  const server = /\bsluice gateway\b.* --id (\S+)/s.exec(command)?.[1];
  if (server !== undefined) {
    const up = new RegExp(`"server":"${server}".*"msg":"server up"`);
    // A server without an environment is ready once it is registered.
    if (!command.includes('--environment')) return (output) => output.includes('registered as available');
    return (output, all) => output.includes('"msg":"joined"') && up.test(all);
  }
  const ready = readyOutputs.find(([program]) => program.test(command))?.[1];
  if (ready === undefined) throw new Error(`unknown command that keeps running: ${command}; add the output that shows its readiness`);
  return (output) => ready.test(output);
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid as number), name);
  } catch {
    // It has ended already.
  }
}

/** Resolves when a shell and every process that it started have closed their output. */
async function gone(child: ChildProcess): Promise<void> {
  if (child.stdout?.closed && child.stderr?.closed) return;
  await within(once(child, 'close'), { what: `process ${child.pid} and its children to end`, seen: () => child.spawnargs });
}
