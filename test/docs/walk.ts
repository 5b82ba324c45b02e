import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { findRedis, type RedisBinary } from '../tools/find-redis.ts';
import { root } from '../tools/source-files.ts';
import { Ports } from './ports.ts';
import { standIns } from './stand-ins.ts';

/** What a program says when it has done what it is started for; the first that is told by its command. */
const started: readonly (readonly [command: RegExp, said: RegExp])[] = [
  [/\bsluice up\b|\bnpm start\b/, /Ctrl-C stops/],
  [/\bsluice serve\b/, /"control":"http/],
  [/\bredis-server\b.* --sentinel/, /Sentinel ID is/],
  [/\bredis-server\b/, /Ready to accept connections/],
  [/\bnode app\.mjs\b/, /^listening$/m],
];

const everybody = new Set<ChildProcess>();
// Also when the test ends by an exception or by process.exit.
process.on('exit', () => {
  for (const child of everybody) signal(child, 'SIGKILL');
});

/** Somebody who follows a page in a fresh folder, with a shell for each block, on ports of their own. */
export class Walk {
  readonly folder: string;
  readonly #ports = new Ports();
  readonly #env: Readonly<Record<string, string>>;
  readonly #running: ChildProcess[] = [];
  /** By everything that runs, and whom to tell when there is more. */
  #said = '';
  #wake = () => {};
  /** What the page exports, for every shell after it. */
  readonly #exports: string[] = [];

  private constructor(t: Test, redis: RedisBinary) {
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-walk-'));
    symlinkSync(new URL('config', root), join(this.folder, 'config'));
    const places = Object.entries(standIns).map(([name, scripts]) => {
      const folder = join(this.folder, `.${name}`);
      mkdirSync(folder);
      for (const [script, text] of Object.entries(scripts)) writeFileSync(join(folder, script), text, { mode: 0o755 });
      return folder;
    });
    const [first, last] = places;
    this.#env = { ...redis.env, PATH: `${first}:${process.env['PATH']}:${dirname(redis.server)}:${last}`, SLUICE_LOG_LEVEL: 'info' };
    t.teardown(async () => {
      for (const child of this.#running) signal(child, 'SIGKILL');
      await Promise.all(this.#running.map(gone));
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** @param known ports of pages that are taken already, and where */
  static async begin(t: Test, known: Readonly<Record<number, number>> = {}): Promise<Walk> {
    const walk = new Walk(t, await findRedis());
    for (const [written, real] of Object.entries(known)) walk.#ports.set(Number(written), real);
    return walk;
  }

  /** Puts a file of the page into the folder. */
  async save(file: string, text: string): Promise<void> {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), await this.#ports.real(text));
  }

  /** Runs what ends by itself; what it printed. Rejects unless every command of it succeeds. */
  async run(commands: string): Promise<string> {
    const { status, out, err } = await this.#end(commands);
    if (status !== 0) throw new Error(`status ${status} from:\n${commands}\n${err}${out}`);
    return out;
  }

  /** Runs what is to fail; what it printed and complained of. Rejects if it succeeds. */
  async fail(commands: string): Promise<string> {
    const { status, out, err } = await this.#end(commands);
    if (status === 0) throw new Error(`was to fail, but did not:\n${commands}\n${out}`);
    return out + err;
  }

  /** Starts what keeps running; settles with what it printed when it has done what it is started for. */
  async start(command: string): Promise<string> {
    const child = await this.#spawn(command);
    this.#running.push(child);
    const isReady = readiness(command);
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const look = () => isReady(output, this.#said) && resolve();
      const hear = (text: string) => {
        output += text;
        this.#said += text;
        this.#wake();
      };
      this.#wake = look;
      child.stdout?.setEncoding('utf8').on('data', hear);
      child.stderr?.setEncoding('utf8').on('data', hear);
      child.once('close', () => reject(new Error(`ended at once: ${command}\n${output}`)));
    });
    return this.#ports.written(output);
  }

  /** Ctrl-C in every terminal, in the first one last; settles when nothing runs any more. */
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
    const [status] = (await once(child, 'close')) as [number | null];
    this.#exports.push(...commands.split('\n').filter((line) => line.startsWith('export ')));
    return { status, out: this.#ports.written(output.out), err: this.#ports.written(output.err) };
  }

  async #spawn(written: string): Promise<ChildProcess> {
    const commands = await this.#ports.real([...this.#exports, written].join('\n'));
    // Whoever names a file has said there where to listen; a variable would overrule it.
    const file = / --config (\S+)/.exec(written)?.[1];
    const said = file === undefined ? '' : readFileSync(join(this.folder, file), 'utf8');
    const places = {
      ...(/^control:/m.test(said) ? {} : { SLUICE_CONTROL_LISTEN: await this.#ports.real('127.0.0.1:9000') }),
      ...(file !== undefined ? {} : { SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: await this.#ports.real('127.0.0.1:8080') }),
    };
    const child = spawn('/bin/sh', ['-ec', commands], {
      cwd: this.folder,
      // Of its own group, as a shell's jobs are.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#env, ...places, SLUICE_CONTROL: await this.#ports.real('http://127.0.0.1:9000') },
    });
    everybody.add(child);
    child.once('exit', () => everybody.delete(child));
    return child;
  }
}

/** Tells from the output of a command, and from that of everything that runs, whether it is in service. */
function readiness(command: string): (output: string, said: string) => boolean {
  const server = /\bsluice gateway\b.* --id (\S+)/s.exec(command)?.[1];
  if (server !== undefined) {
    const up = new RegExp(`"server":"${server}".*"msg":"server up"`);
    // One that waits to be added gets no requests.
    if (!command.includes('--environment')) return (output) => output.includes('registered as available');
    return (output, said) => output.includes('"msg":"joined"') && up.test(said);
  }
  const ready = started.find(([program]) => program.test(command))?.[1];
  if (ready === undefined) throw new Error(`when has it started? ${command}`);
  return (output) => ready.test(output);
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid as number), name);
  } catch {
    // It has ended already.
  }
}

/** Settles when a shell and all that it started have closed their output. */
async function gone(child: ChildProcess): Promise<void> {
  if (child.stdout?.closed && child.stderr?.closed) return;
  await once(child, 'close');
}
