import { isDeepStrictEqual } from 'node:util';
import type { Timer } from '../../model/clock.ts';
import type { LiveEnvironment, LiveListener, LiveServer } from '../../model/live.ts';
import { bindSocket } from '../../proxy/bound-socket.ts';
import type { ListenerSettings } from '../../proxy/contract.ts';
import type { DataPlane, OpenedListener } from '../data-plane.ts';
import type { Feedback } from '../feedback.ts';
import type { TableEnvironment } from '../table.ts';
import type { Beside } from './beside.ts';
import { Fleet, type FleetOwner, type FleetTools } from './fleet.ts';
import { FleetCounts } from './fleet-counts.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { SharedListener } from './shared-listener.ts';
import { surplus } from './surplus.ts';
import { listenerShare, tableShare } from './table-share.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Milliseconds between two comparisons of the workers' load. */
const evenOutMs = 1_000;

/** Settings that can change while the data plane runs. */
export interface WorkerDataPlaneSettings extends WorkerSettings {
  /** Number of worker processes; at least 1. */
  readonly workers: number;
}

/** Data plane in worker processes. Each worker has every table and serves every listener. */
export class WorkerDataPlane implements DataPlane, FleetOwner {
  /** Access log lines that workers have dropped. */
  accessLogDropped = 0;
  readonly #tools: FleetTools;
  readonly #feedback: Feedback;
  readonly #beside: Beside | undefined;
  readonly #fleet: Fleet;
  /** In order of arrival, in which a new worker gets them too: the earlier environment keeps a host that two claim. */
  readonly #tables = new Map<string, TableEnvironment>();
  readonly #listeners = new Map<number, SharedListener>();
  readonly #counts = new FleetCounts();
  #settings: WorkerDataPlaneSettings;
  #opened = 0;
  #evening: Timer | undefined;

  /** @param tools.beside a part of the program that has a counterpart in each worker */
  constructor(tools: FleetTools & Feedback & { readonly settings: WorkerDataPlaneSettings; readonly beside?: Beside | undefined }) {
    this.#tools = tools;
    this.#beside = tools.beside;
    this.#feedback = tools;
    this.#settings = tools.settings;
    this.#fleet = new Fleet(tools, this);
    this.#fleet.grow(tools.settings.workers);
    this.#evenOut(new Map());
  }

  get serving(): boolean {
    return [...this.#fleet.living].some((worker) => worker.isReady && !worker.draining);
  }

  async open(address: string, settings: ListenerSettings, beside = false): Promise<OpenedListener> {
    const socket = await bindSocket(address, beside);
    const number = ++this.#opened;
    const closed = () => {
      this.#listeners.delete(number);
      if (![...this.#listeners.values()].some((other) => other.configured === address)) this.#counts.removeListener(address);
    };
    const share = (whole: ListenerSettings) => listenerShare(whole, this.#settings.workers);
    const listener = new SharedListener({ number, configured: address, socket, settings, workers: this.#fleet.living, closed, share });
    this.#listeners.set(number, listener);
    this.#counts.followListener(address);
    await listener.open();
    return listener;
  }

  apply(table: TableEnvironment): void {
    this.#tables.set(table.name, table);
    this.#counts.follow(table);
    for (const worker of this.#fleet.living) worker.sendTable(table.name);
  }

  remove(name: string): void {
    this.#tables.delete(name);
    this.#counts.remove(name);
    for (const worker of this.#fleet.living) worker.sendTable(name);
  }

  *servers(): Generator<LiveServer> {
    for (const table of this.#tables.values()) yield* this.#counts.servers(table);
  }

  serversNamed(id: string): LiveServer[] {
    return [...this.#tables.values()].flatMap(({ name, servers }) => {
      const server = servers.find((one) => one.id === id);
      return server === undefined ? [] : [this.#counts.server(name, server)];
    });
  }

  environments(): LiveEnvironment[] {
    return this.#counts.environments();
  }

  listeners(): LiveListener[] {
    return this.#counts.listeners();
  }

  /** Applies changed settings: starts missing workers, drains surplus ones, and replaces all when a setting changed that a worker gets only at its start. */
  async update(settings: WorkerDataPlaneSettings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    this.#fleet.shrink(settings.workers, settings.graceMs);
    const needsNewWorkers = !isDeepStrictEqual(before.accessLog, settings.accessLog) || before.graceMs !== settings.graceMs;
    if (needsNewWorkers) await this.restart();
    this.#fleet.grow(settings.workers);
    if (before.workers === settings.workers) return;
    for (const name of this.#tables.keys()) this.apply(this.#tables.get(name) as TableEnvironment);
    for (const listener of this.#listeners.values()) listener.update();
  }

  /** Replaces all workers one after the other; the new ones run the program that is on disk now. */
  async restart(): Promise<void> {
    await this.#fleet.replaceAll(this.#settings.graceMs);
  }

  /** Has every worker open the access log's file again after it was renamed; the first one creates it. */
  reopenAccessLog(): void {
    for (const worker of this.#fleet.living) worker.send({ kind: 'reopen-log' });
  }

  async close(): Promise<void> {
    this.#evening?.cancel();
    await this.#fleet.stop(0);
  }

  /** Kills every worker at once. */
  kill(): void {
    this.#fleet.kill();
  }

  initialize(worker: WorkerProcess): void {
    const { accessLog, graceMs } = this.#settings;
    worker.send({ kind: 'begin', accessLog, graceMs });
    this.#beside?.began(worker);
    for (const name of this.#tables.keys()) worker.sendTable(name);
    for (const listener of this.#listeners.values()) void listener.openIn(worker);
    worker.send({ kind: 'settle' });
  }

  tableMessage(environment: string): ToWorker {
    const table = this.#tables.get(environment);
    return table === undefined
      ? { kind: 'remove', name: environment }
      : { kind: 'apply', table: tableShare(table, this.#settings.workers) };
  }

  receive(worker: WorkerProcess, message: FromWorker): void {
    const about = { worker: worker.number, pid: worker.pid };
    switch (message.kind) {
      case 'ready':
        this.#tools.logger.info(about, 'worker ready');
        break;
      case 'refused':
        this.#tools.logger.error({ ...about, code: message.code, reason: message.reason }, 'a worker cannot open a listener');
        this.#listeners.get(message.listener)?.receive(worker, message);
        break;
      case 'opened':
      case 'closed':
        this.#listeners.get(message.listener)?.receive(worker, message);
        break;
      case 'suspect':
        this.#feedback.suspect(message.environment, message.id);
        break;
      case 'report':
        this.#feedback.report(message);
        break;
      case 'counts':
        this.#counts.add(worker.number, message.counts);
        worker.cpuMs = message.cpuMs;
        this.accessLogDropped += message.dropped;
        break;
      case 'beside':
        this.#beside?.heard(worker, message.message);
        break;
      case 'relieve':
        this.#fleet.replace(worker, this.#settings.graceMs).catch((error: Error) => this.#tools.logger.error(about, error.message));
        break;
      default:
        message satisfies never;
    }
  }

  ended(worker: WorkerProcess): void {
    this.#counts.forget(worker.number);
    this.#beside?.ended(worker);
    for (const listener of this.#listeners.values()) listener.receive(worker, undefined);
  }

  /** Has workers with clearly more load than the others shed connections. `before`: processor time that each had used at the last comparison. */
  #evenOut(before: ReadonlyMap<WorkerProcess, number>): void {
    const workers = [...this.#fleet.living].filter((worker) => worker.isReady && !worker.draining);
    const compared = workers.filter((worker) => before.has(worker));
    const loads = compared.map((worker) => ({
      cpuMs: worker.cpuMs - (before.get(worker) ?? 0),
      active: this.#counts.active(worker.number),
    }));
    surplus(loads, evenOutMs).forEach((connections, index) => {
      if (connections > 0) compared[index]?.send({ kind: 'shed', connections });
    });
    const now = new Map(workers.map((worker) => [worker, worker.cpuMs]));
    this.#evening = this.#tools.clock.after(evenOutMs, () => this.#evenOut(now));
  }
}
