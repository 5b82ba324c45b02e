import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Counts, HolderSettings, Order, Report } from './messages.ts';
import { Patience } from './patience.ts';
import type { Scope } from './scope.ts';

const program = fileURLToPath(new URL('holder.ts', import.meta.url));
/** Gateways a process. */
const capacity = 250;
/** How long they get to end by themselves, in milliseconds. */
const patienceMs = 3000;

/** The last thing known of a gateway's renewals. */
export type Renewed = Extract<Report, { report: 'renewed' }>;

/** All gateways of the fleet, spread over a few processes. */
export class Holders {
  /** By id, of those that have not left. */
  readonly renewed = new Map<string, Renewed>();
  /** By id, when their registry was last reached again. */
  readonly resynced = new Map<string, number>();
  /** When those that have left had told the registry. */
  readonly left = new Map<string, number>();
  readonly #patience = new Patience();
  readonly #children: ChildProcess[] = [];
  readonly #holderOf = new Map<string, ChildProcess>();
  #failure: Error | undefined;
  #counted: Counts[] = [];
  #started = 0;

  /** Starts the processes, without any gateway yet. All end with `scope`. @param settings.flags for Node.js */
  static async start(
    scope: Scope,
    { gateways, flags, ...settings }: Omit<HolderSettings, 'folder'> & { gateways: number; flags: readonly string[] },
  ): Promise<Holders> {
    // Every gateway has a disk of its own in truth: a thousand of them are not to wait for this one.
    const memory = '/dev/shm';
    const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'sluice-fleet-'));
    scope.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const holders = new Holders();
    scope.teardown(() => holders.#end());
    const ready: Promise<unknown>[] = [];
    for (let index = 0; index < Math.ceil(gateways / capacity); index++) {
      const child = fork(program, [JSON.stringify({ ...settings, folder } satisfies HolderSettings)], {
        execArgv: [...flags, '--import=tsx'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      holders.#children.push(child);
      child.on('message', (report: Report) => holders.#hear(report));
      child.once('exit', (code, signal) => holders.#fail(new Error(`a process with gateways has ended by itself (${signal ?? code})`)));
      ready.push(once(child, 'message'));
    }
    await Promise.race([
      Promise.all(ready),
      holders.until(
        () => false,
        () => 'the processes for the gateways do not start',
        60_000,
      ),
    ]);
    return holders;
  }

  get pids(): number[] {
    return this.#children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** @returns the wall-clock milliseconds at which they were told to */
  startGateways(ids: readonly string[]): number {
    for (const id of ids) this.#holderOf.set(id, this.#children[this.#started++ % this.#children.length] as ChildProcess);
    return this.#order('start', ids);
  }

  /** Lets them drain and leave. */
  leave(ids: readonly string[]): number {
    for (const id of ids) {
      this.renewed.delete(id);
      this.resynced.delete(id);
    }
    return this.#order('leave', ids);
  }

  /** Forgets all renewals and reconnects; the next ones of each gateway are told. */
  mark(): void {
    this.renewed.clear();
    this.resynced.clear();
    for (const child of this.#children) child.send({ order: 'mark' } satisfies Order);
  }

  async counts(): Promise<Counts> {
    this.#counted = [];
    for (const child of this.#children) child.send({ order: 'count' } satisfies Order);
    await this.until(
      () => this.#counted.length === this.#children.length,
      () => 'the processes with gateways do not answer',
      30_000,
    );
    return {
      calls: this.#counted.reduce((sum, { calls }) => sum + calls, 0),
      news: this.#counted.reduce((sum, { news }) => sum + news, 0),
    };
  }

  /** Settles once `holds`, which is looked at whenever a gateway tells something. */
  until(holds: () => boolean, progress: () => string, limitMs: number): Promise<void> {
    const look = () => {
      if (this.#failure) throw this.#failure;
      return holds();
    };
    return this.#patience.until(look, progress, limitMs);
  }

  #order(order: 'start' | 'leave', ids: readonly string[]): number {
    for (const child of this.#children) {
      const own = ids.filter((id) => this.#holderOf.get(id) === child);
      if (own.length > 0) child.send({ order, ids: own } satisfies Order);
    }
    return Date.now();
  }

  #hear(report: Report): void {
    switch (report.report) {
      case 'waiting':
        break;
      case 'renewed':
        this.renewed.set(report.id, report);
        break;
      case 'resynced':
        this.resynced.set(report.id, report.at);
        break;
      case 'left':
        this.left.set(report.id, report.at);
        this.#holderOf.delete(report.id);
        break;
      case 'failed':
        this.#failure = new Error(`gateway ${report.id}: ${report.reason}`);
        break;
      case 'counted':
        this.#counted.push(report);
        break;
      default:
        report satisfies never;
    }
    this.#patience.wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#patience.wake();
  }

  async #end(): Promise<void> {
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const gone = Promise.all(running.map((child) => once(child, 'exit')));
    for (const child of running) child.disconnect();
    const impatient = setTimeout(() => running.forEach((child) => void child.kill('SIGKILL')), patienceMs);
    await gone;
    clearTimeout(impatient);
  }
}
