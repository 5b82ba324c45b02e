import { isDeepStrictEqual } from 'node:util';
import type { Timer } from '../../model/clock.ts';
import type { LiveEnvironment, LiveListener, LiveServer } from '../../model/live.ts';
import type { ListenerSettings } from '../../proxy/contract.ts';
import type { DataPlane, OpenedListener } from '../data-plane.ts';
import type { Feedback, TableEnvironment } from '../table.ts';
import { bindSocket } from './bound-socket.ts';
import { Fleet, type FleetOwner, type FleetTools } from './fleet.ts';
import { FleetCounts } from './fleet-counts.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { shareOf } from './share.ts';
import { SharedListener } from './shared-listener.ts';
import { surplus } from './surplus.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Milliseconds between two looks at who has too much to do. */
const evenOutMs = 1_000;

/** What can be changed while it runs. */
export interface WorkerDataPlaneSettings extends WorkerSettings {
  /** Worker processes; at least 1. */
  readonly workers: number;
}

/** LocalDataPlane carried by worker processes. Each has every table and serves every listener. */
export class WorkerDataPlane implements DataPlane, FleetOwner {
  /** Lines of access logs that workers could not keep. */
  accessLogDropped = 0;
  readonly #tools: FleetTools;
  readonly #feedback: Feedback;
  readonly #fleet: Fleet;
  /** In order of arrival, in which a new worker is told them: who was there first keeps its hosts. */
  readonly #tables = new Map<string, TableEnvironment>();
  readonly #listeners = new Map<number, SharedListener>();
  readonly #counts = new FleetCounts();
  #settings: WorkerDataPlaneSettings;
  #opened = 0;
  #evening: Timer | undefined;

  constructor(tools: FleetTools & Feedback & { readonly settings: WorkerDataPlaneSettings }) {
    this.#tools = tools;
    this.#feedback = tools;
    this.#settings = tools.settings;
    this.#fleet = new Fleet(tools, this);
    this.#fleet.resize(tools.settings.workers);
    this.#evenOut(new Map());
  }

  get serving(): boolean {
    return [...this.#fleet.living].some((worker) => worker.isReady && !worker.draining);
  }

  async open(address: string, settings: ListenerSettings): Promise<OpenedListener> {
    const socket = await bindSocket(address);
    const number = ++this.#opened;
    const closed = () => {
      this.#listeners.delete(number);
      if (![...this.#listeners.values()].some((other) => other.configured === address)) this.#counts.removeListener(address);
    };
    const listener = new SharedListener({ number, configured: address, socket, settings, workers: this.#fleet.living, closed });
    this.#listeners.set(number, listener);
    this.#counts.followListener(address);
    await listener.open();
    return listener;
  }

  apply(table: TableEnvironment): void {
    this.#tables.set(table.name, table);
    this.#counts.follow(table);
    for (const worker of this.#fleet.living) worker.tellTable(table.name);
  }

  remove(name: string): void {
    this.#tables.delete(name);
    this.#counts.remove(name);
    for (const worker of this.#fleet.living) worker.tellTable(name);
  }

  servers(): LiveServer[] {
    return [...this.#tables.values()].flatMap((table) => this.#counts.servers(table));
  }

  environments(): LiveEnvironment[] {
    return this.#counts.environments();
  }

  listeners(): LiveListener[] {
    return this.#counts.listeners();
  }

  /** Takes over other settings: more workers come at once, fewer drain; what a worker is told only once takes new workers. */
  async adopt(settings: WorkerDataPlaneSettings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    this.#fleet.shrink(settings.workers, settings.graceMs);
    const toldOnce = !isDeepStrictEqual(before.accessLog, settings.accessLog) || before.graceMs !== settings.graceMs;
    if (toldOnce) await this.restart();
    this.#fleet.resize(settings.workers);
    if (before.workers !== settings.workers) for (const name of this.#tables.keys()) this.apply(this.#tables.get(name) as TableEnvironment);
  }

  /** New workers for old ones, one after the other; those run the program as it is on disk now. */
  async restart(): Promise<void> {
    await this.#fleet.roll(this.#settings.graceMs);
  }

  /** The access log's file was renamed: every worker makes or finds the new one. */
  reopenAccessLog(): void {
    for (const worker of this.#fleet.living) worker.tell({ kind: 'reopen-log' });
  }

  async close(): Promise<void> {
    this.#evening?.cancel();
    await this.#fleet.stop(0);
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#fleet.kill();
  }

  greet(worker: WorkerProcess): void {
    const { accessLog, graceMs } = this.#settings;
    worker.tell({ kind: 'begin', accessLog, graceMs });
    for (const name of this.#tables.keys()) worker.tellTable(name);
    for (const listener of this.#listeners.values()) void listener.greet(worker);
    worker.tell({ kind: 'settle' });
  }

  tell(environment: string): ToWorker {
    const table = this.#tables.get(environment);
    return table === undefined ? { kind: 'remove', name: environment } : { kind: 'apply', table: shareOf(table, this.#settings.workers) };
  }

  hear(worker: WorkerProcess, message: FromWorker): void {
    const about = { worker: worker.number, pid: worker.pid };
    switch (message.kind) {
      case 'ready':
        this.#tools.logger.info(about, 'worker ready');
        break;
      case 'refused':
        this.#tools.logger.error({ ...about, code: message.code, reason: message.reason }, 'a worker cannot listen');
        this.#listeners.get(message.listener)?.hear(worker, message);
        break;
      case 'opened':
      case 'closed':
        this.#listeners.get(message.listener)?.hear(worker, message);
        break;
      case 'suspect':
        this.#feedback.suspect(message.environment, message.id);
        break;
      case 'report':
        this.#feedback.report(message);
        break;
      case 'counts':
        this.#counts.take(worker.number, message.counts);
        worker.cpuMs = message.cpuMs;
        this.accessLogDropped += message.dropped;
        break;
      case 'relieve':
        this.#fleet.relieve(worker, this.#settings.graceMs).catch((error: Error) => this.#tools.logger.error(about, error.message));
        break;
      default:
        message satisfies never;
    }
  }

  gone(worker: WorkerProcess): void {
    this.#counts.forget(worker.number);
    for (const listener of this.#listeners.values()) listener.hear(worker, undefined);
  }

  /** Those who have clearly more to do than the others lose connections; `before`: the processor time each had used by the last look. */
  #evenOut(before: ReadonlyMap<WorkerProcess, number>): void {
    const workers = [...this.#fleet.living].filter((worker) => worker.isReady && !worker.draining);
    const compared = workers.filter((worker) => before.has(worker));
    const loads = compared.map((worker) => ({
      cpuMs: worker.cpuMs - (before.get(worker) ?? 0),
      active: this.#counts.active(worker.number),
    }));
    surplus(loads, evenOutMs).forEach((connections, index) => {
      if (connections > 0) compared[index]?.tell({ kind: 'shed', connections });
    });
    const now = new Map(workers.map((worker) => [worker, worker.cpuMs]));
    this.#evening = this.#tools.clock.after(evenOutMs, () => this.#evenOut(now));
  }
}
