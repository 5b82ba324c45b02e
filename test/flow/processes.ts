import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { Condition } from '../tools/condition.ts';

/** What is started: the bundle, or (SLUICE_TEST_PROGRAM) another build of it, which may be an executable. */
const usual = process.env['SLUICE_TEST_PROGRAM'] ?? new URL('../../dist/sluice.mjs', import.meta.url).pathname;

const running = new Set<ChildProcess>();
// Also when the test ends by an exception or runs out of time.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Whoever starts something, and ends it: a test, or a chaos scenario. */
export type Owner = Pick<Test, 'teardown'>;

/** One line of a process's log. */
export type LogLine = Record<string, unknown> & { msg?: string };

/** A real Sluice process, built as users run it. */
export class SluiceProcess {
  readonly log: LogLine[] = [];
  readonly #process: ChildProcess;
  readonly #changed = new Condition();
  stdout = '';
  #closed = false;

  private constructor(child: ChildProcess) {
    this.#process = child;
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

  /** Starts `sluice ARGS` in `folder`; killed at its owner's end if it still runs. */
  static start(
    t: Owner,
    args: readonly string[],
    options: { folder: string; env?: Record<string, string>; program?: string },
  ): SluiceProcess {
    const { program = usual } = options;
    if (program.includes('/') && !existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
    const [file, ...first] = /\.[cm]?js$/.test(program) ? [process.execPath, program] : [program];
    const child = spawn(file as string, [...first, ...args], {
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], SLUICE_LOG_LEVEL: 'info', ...options.env },
    });
    t.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    return new SluiceProcess(child);
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

  /** The exit status, once it has ended and everything it wrote was read. */
  async ended(): Promise<number | null> {
    if (!this.#closed) await once(this.#process, 'close');
    return this.#process.exitCode;
  }

  /** Kills it at once. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  /** The first log line, past or future, that `matches`; rejects if the process ends without it. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#until(() => this.log.find(matches));
  }

  /** What `find` makes of the output, once that is something. */
  async printed<T>(find: (stdout: string) => T | undefined): Promise<T> {
    return this.#until(() => find(this.stdout));
  }

  #until<T>(find: () => T | undefined): Promise<T> {
    return this.#changed.until(() => {
      const found = find();
      if (found !== undefined || this.running) return found;
      throw new Error(
        `sluice ended (${this.#process.exitCode}) without saying it:\n${this.log.map((line) => JSON.stringify(line)).join('\n')}`,
      );
    });
  }
}

function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
