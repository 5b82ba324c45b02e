import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Condition } from '../../test/tools/condition.ts';
import type { Owner } from '../../test/tools/owner.ts';
import type { Wait } from '../../test/tools/within.ts';
import type { Counts, GatewayProcessSettings, Order, Report } from './messages.ts';

const program = fileURLToPath(new URL('gateway-process.ts', import.meta.url));
/** Number of gateways in one process. */
const capacity = 250;
const startLimitMs = 60_000;
const answerLimitMs = 30_000;
/** Time in which the processes may end by themselves, in milliseconds. */
const endLimitMs = 3000;

/** Last reported lease renewal of a gateway. */
export type Renewed = Extract<Report, { report: 'renewed' }>;

/** All gateways of the fleet, distributed over a few processes. */
export class GatewayProcesses {
  /** Last renewals by id, without gateways that have left. */
  readonly renewed = new Map<string, Renewed>();
  /** Times of the last reconnect to the registry, by id. */
  readonly resynced = new Map<string, number>();
  /** Times at which gateways had deregistered, by id. */
  readonly left = new Map<string, number>();
  readonly #reported = new Condition();
  readonly #children: ChildProcess[] = [];
  readonly #processOf = new Map<string, ChildProcess>();
  #failure: Error | undefined;
  #counted: Counts[] = [];
  #started = 0;
  /** Number of processes that wait for orders. */
  #waiting = 0;
  /** Number of gateways that hold all projects, and of those that are started. */
  #whole = 0;

  /** Starts the processes, without gateways. They end with their owner. */
  static async start(
    owner: Owner,
    {
      gateways,
      whole,
      flags,
      ...settings
    }: Omit<GatewayProcessSettings, 'folder'> & { gateways: number; whole: number; flags: readonly string[] },
  ): Promise<GatewayProcesses> {
    // In memory: in production each gateway has its own disk, so a thousand of them must not wait for a single one.
    const memory = '/dev/shm';
    const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'sluice-fleet-'));
    owner.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const processes = new GatewayProcesses();
    processes.#whole = whole;
    owner.teardown(() => processes.#end());
    for (let index = 0; index < Math.ceil(gateways / capacity); index++) {
      const child = fork(program, [JSON.stringify({ ...settings, folder } satisfies GatewayProcessSettings)], {
        execArgv: [...flags, '--import=tsx'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      processes.#children.push(child);
      child.on('message', (report: Report) => processes.#read(report));
      child.once('exit', (code, signal) =>
        processes.#fail(new Error(`a process with gateways has ended unexpectedly (${signal ?? code})`)),
      );
    }
    await processes.until(() => processes.#waiting === processes.#children.length, {
      what: `${processes.#children.length} processes for gateways to start`,
      seen: () => `${processes.#waiting} have started`,
      limitMs: startLimitMs,
    });
    return processes;
  }

  get pids(): number[] {
    return this.#children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** @returns the time of the order, in wall-clock milliseconds */
  startGateways(ids: readonly string[]): number {
    const whole = ids.slice(0, Math.max(0, this.#whole - this.#started));
    for (const id of ids) this.#processOf.set(id, this.#children[this.#started++ % this.#children.length] as ChildProcess);
    if (whole.length > 0) this.#send(whole, (own) => ({ order: 'start', ids: own, whole: true }));
    return this.#send(ids.slice(whole.length), (own) => ({ order: 'start', ids: own, whole: false }));
  }

  /** Makes gateways drain and leave. @returns the time of the order, in wall-clock milliseconds */
  leave(ids: readonly string[]): number {
    for (const id of ids) {
      this.renewed.delete(id);
      this.resynced.delete(id);
    }
    return this.#send(ids, (own) => ({ order: 'leave', ids: own }));
  }

  /** Forgets all renewals and reconnects. Each gateway reports its next ones. */
  mark(): void {
    this.renewed.clear();
    this.resynced.clear();
    for (const child of this.#children) child.send({ order: 'mark' } satisfies Order);
  }

  async counts(): Promise<Counts> {
    this.#counted = [];
    for (const child of this.#children) child.send({ order: 'count' } satisfies Order);
    await this.until(() => this.#counted.length === this.#children.length, {
      what: `the counts of ${this.#children.length} processes with gateways`,
      seen: () => this.#counted,
      limitMs: answerLimitMs,
    });
    return {
      calls: this.#counted.reduce((sum, { calls }) => sum + calls, 0),
      news: this.#counted.reduce((sum, { news }) => sum + news, 0),
    };
  }

  /** Resolves when `holds`, which is checked after each report. Rejects if a gateway or a process fails. */
  async until(holds: () => boolean, wait: Wait): Promise<void> {
    await this.#reported.until(() => {
      if (this.#failure) throw this.#failure;
      return holds();
    }, wait);
  }

  #send(ids: readonly string[], order: (ids: readonly string[]) => Order): number {
    for (const child of this.#children) {
      const own = ids.filter((id) => this.#processOf.get(id) === child);
      if (own.length > 0) child.send(order(own));
    }
    return Date.now();
  }

  #read(report: Report): void {
    switch (report.report) {
      case 'waiting':
        this.#waiting++;
        break;
      case 'renewed':
        this.renewed.set(report.id, report);
        break;
      case 'resynced':
        this.resynced.set(report.id, report.at);
        break;
      case 'left':
        this.left.set(report.id, report.at);
        this.#processOf.delete(report.id);
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
    this.#reported.notify();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#reported.notify();
  }

  async #end(): Promise<void> {
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const gone = Promise.all(running.map((child) => once(child, 'exit')));
    for (const child of running) child.disconnect();
    const timer = setTimeout(() => running.forEach((child) => void child.kill('SIGKILL')), endLimitMs);
    await gone;
    clearTimeout(timer);
  }
}
