import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Condition } from './condition.ts';
import type { Owner } from './owner.ts';

/** The built bundle, or another build of it named in SLUICE_TEST_PROGRAM, which may be an executable. */
export const builtProgram = process.env['SLUICE_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/**
 * The words before a command that keep tap from measuring its coverage, which doubles the start-up time of a program. Coverage of the bundle is
 * not counted anyway (coverage.mjs).
 */
export const uncovered = ['/usr/bin/env', '-u', 'NODE_OPTIONS'] as const;

const running = new Set<ChildProcess>();
// Also when the test ends by an exception or runs out of time.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One line of a process's log. */
export type LogLine = Record<string, unknown> & { msg?: string };

export interface SluiceProcessOptions {
  /** Working directory. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: {@link builtProgram}. */
  readonly program?: string;
  /** Limit of open files; default: that of this process. */
  readonly descriptors?: number;
  /** Own process group, so that Ctrl-C on the terminal reaches only this process. Sluice still ends with it, by the IPC channel between them. */
  readonly detached?: boolean;
}

/** A real Sluice process, built as users run it. */
export class SluiceProcess {
  readonly log: LogLine[] = [];
  readonly #process: ChildProcess;
  readonly #command: string;
  readonly #changed = new Condition();
  stdout = '';
  #closed = false;

  private constructor(child: ChildProcess, command: string) {
    this.#process = child;
    this.#command = command;
    running.add(child);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#changed.notify();
    });
    const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      this.log.push(readLine(line));
      this.#changed.notify();
    });
    child.once('exit', () => {
      running.delete(child);
      this.#changed.notify();
    });
    child.once('close', () => {
      this.#closed = true;
      this.#changed.notify();
    });
  }

  /** Starts `sluice ARGS` in a folder. If it still runs when its owner ends, it is killed. */
  static start(owner: Owner, args: readonly string[], options: SluiceProcessOptions): SluiceProcess {
    const { program = builtProgram, detached = false } = options;
    if (program.includes('/') && !existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
    const command = /\.[cm]?js$/.test(program) ? [process.execPath, program] : [program];
    const limit = options.descriptors === undefined ? [] : ['sh', '-c', `ulimit -n ${options.descriptors}; exec "$@"`, 'sh'];
    const nodeOptions = options.env?.['NODE_OPTIONS'];
    const own = nodeOptions === undefined ? [] : [`NODE_OPTIONS=${nodeOptions}`];
    const [file, ...first] = [...uncovered, ...own, ...limit, ...command];
    const child = spawn(file as string, [...first, ...args], {
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe', ...(detached ? (['ipc'] as const) : [])],
      detached,
      env: { PATH: process.env['PATH'], SLUICE_LOG_LEVEL: 'info', ...options.env },
    });
    owner.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    return new SluiceProcess(child, `sluice ${args.join(' ')}`);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Resolves with the exit status (null after a signal) when the process has ended and all its output is read. */
  async ended(): Promise<number | null> {
    await this.#until(`${this.#command} to end`, () => this.#closed);
    return this.#process.exitCode;
  }

  /** Sends SIGKILL and resolves when the process has ended. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  /** Resolves with the first log line, past or future, that `matches`. Rejects if the process ends without one. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#untilWritten(`${this.#command} to log a line with ${matches}`, () => this.log.find(matches));
  }

  /** Resolves with the first value that `find` extracts from standard output. Rejects if the process ends without one. */
  async printed<Found>(find: (stdout: string) => Found | undefined): Promise<Found> {
    return this.#untilWritten(`${this.#command} to print text with ${find}`, () => find(this.stdout));
  }

  #untilWritten<Found>(what: string, find: () => Found | undefined): Promise<Found> {
    return this.#until(what, () => {
      const found = find();
      if (found !== undefined || this.running) return found;
      throw new Error(`waited for ${what}, but the process ended with ${this.#process.exitCode}:\n${this.#written()}`);
    });
  }

  #until<Found>(what: string, look: () => Found | undefined | false): Promise<Found> {
    return this.#changed.until(look, { what, seen: () => this.#written() });
  }

  #written(): string {
    return [this.stdout, ...this.log.map((line) => JSON.stringify(line))].join('\n');
  }
}

function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
