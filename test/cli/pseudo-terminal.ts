import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Condition } from '../tools/condition.ts';
import type { Owner } from '../tools/owner.ts';
import { uncovered } from '../tools/sluice-process.ts';
import { Screen } from './screen.ts';

/** Shell commands on a new pseudo-terminal, made by util-linux's `script`; reads their screen and types keys. */
export class PseudoTerminal {
  readonly screen: Screen;
  /** The whole output, with its control sequences. */
  output = '';
  readonly #process: ChildProcess;
  readonly #tty: Promise<string>;
  readonly #changed = new Condition();

  private constructor(child: ChildProcess, screen: Screen) {
    this.#process = child;
    this.screen = screen;
    let foundTty: (tty: string) => void;
    this.#tty = new Promise((resolve) => {
      foundTty = resolve;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const before = this.output;
      this.output += text;
      const first = /^(\/dev\/\S+)\r?\n/.exec(this.output);
      // The first line comes from the `tty` command below: the path of the terminal.
      if (first && !/^\/dev\/\S+\r?\n/.test(before)) {
        foundTty(first[1] as string);
        screen.write(this.output.slice(first[0].length));
      } else if (first) screen.write(text);
      this.#changed.notify();
    });
    child.stdout?.on('close', () => this.#changed.notify());
  }

  /** Runs shell `commands`; killed at the owner's teardown if still running. */
  static start(
    t: Owner,
    commands: string,
    {
      columns = 80,
      rows = 24,
      env = {},
      folder = '/',
    }: { columns?: number; rows?: number; env?: Record<string, string>; folder?: string } = {},
  ): PseudoTerminal {
    const inside = `tty; stty cols ${columns} rows ${rows}; ${commands}`;
    const [program, ...words] = [...uncovered, 'script', '--quiet', '--flush', '--return', '--command', inside, '/dev/null'] as const;
    const child = spawn(program, words, {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/sh', ...env },
    });
    child.stdin?.on('error', () => undefined);
    t.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    return new PseudoTerminal(child, new Screen(columns, rows));
  }

  type(keys: string): void {
    this.#process.stdin?.write(keys);
  }

  /** Changes the size, as a terminal window does when the user resizes it. */
  async resize(columns: number, rows: number): Promise<void> {
    const tty = await this.#tty;
    this.screen.resize(columns, rows);
    const [status] = await once(spawn('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)]), 'close');
    if (status !== 0) throw new Error(`stty ended with ${status}`);
  }

  /** Resolves when the screen satisfies `wanted`. Rejects if the commands end first. */
  async shows(wanted: RegExp | ((screen: Screen) => boolean)): Promise<void> {
    const satisfied = typeof wanted === 'function' ? () => wanted(this.screen) : () => wanted.test(this.screen.text);
    await this.#changed.until(
      () => {
        if (satisfied()) return true;
        if (this.#process.stdout?.closed) throw new Error(`it ended without showing ${wanted}:\n${this.screen.text}`);
      },
      { what: `a screen with ${wanted}`, seen: () => this.screen.text },
    );
  }

  /** Resolves with the exit status once all output is read. */
  async ended(): Promise<number | null> {
    if (!this.#process.stdout?.closed) await once(this.#process, 'close');
    return this.#process.exitCode;
  }
}
