import type { Clock } from '../../model/clock.ts';
import type { EnvironmentCounts, ListenerCounts, ServerCounts } from '../../model/counts.ts';
import type { EnvironmentGauges, ServerGauges } from '../../model/live.ts';
import { type Pieces, startNow } from '../../model/pieces.ts';
import type { Handler, Listener, ListenerSettings } from '../../proxy/contract.ts';
import type { Feedback } from '../feedback.ts';
import { LocalDataPlane, liveListeners } from '../local-data-plane.ts';
import type { ServerPoolTools } from '../server-pool.ts';
import type { TableEnvironment } from '../table.ts';
import type { BesideMain } from './beside.ts';
import { CountChanges } from './count-changes.ts';
import { withKnownServers } from './known-servers.ts';
import { MessageOrder } from './message-order.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { countsOfEnvironment, countsOfListener, countsOfServer, type ListenerGauges, type WorkerCounts } from './worker-counts.ts';

/** Milliseconds between two reports. */
const reportMs = 250;
/** While nothing changes, only every fourth report is sent, as a heartbeat. */
const heartbeatReports = 4;
/** Milliseconds in which the same feedback about a server is sent only once, since the main process is already acting on it. */
const repeatMs = 100;

/** A listener, as a worker uses it. */
export type WorkerListener = Pick<Listener, 'update' | 'close' | 'connections' | 'limit' | 'counts'> & { shed(connections: number): void };

export interface WorkerTools extends Omit<ServerPoolTools, keyof Feedback> {
  readonly clock: Clock;
  readonly send: (message: FromWorker) => void;
  /** Listens on a socket that the main process has bound. */
  readonly listen: (address: string, bound: object, settings: ListenerSettings, handler: Handler) => Promise<WorkerListener>;
  /** Milliseconds of processor time that this process has used. */
  readonly cpuMs: () => number;
  /** The counterpart of a part of the program beside the data plane. Default: there is none. */
  readonly beside?: BesideMain;
  readonly begin: (settings: WorkerSettings) => void;
  readonly reopenLog: () => void;
  /** Access log lines dropped since the start. */
  readonly dropped: () => number;
  /** Ends the process; called when every exchange has ended and all counts are reported. */
  readonly end: () => void;
}

/** The logic of a worker process: carries traffic by the tables it receives and reports counts and failing servers. */
export class Worker {
  readonly #tools: WorkerTools;
  readonly #dataPlane: LocalDataPlane;
  readonly #messages = new MessageOrder((message, handle) => this.#carryOut(message, handle));
  readonly #tables = new Map<string, TableEnvironment>();
  readonly #listeners = new Map<number, Promise<WorkerListener | undefined>>();
  /** Open listeners with their configured addresses. */
  readonly #open = new Map<WorkerListener, string>();
  readonly #changes = {
    servers: new CountChanges<ServerCounts, ServerGauges>(),
    environments: new CountChanges<EnvironmentCounts, EnvironmentGauges>(),
    listeners: new CountChanges<ListenerCounts, ListenerGauges>(),
  };
  /** Feedback sent within the last `repeatMs`. */
  readonly #recentFeedback = new Set<string>();
  #skippedReports = 0;
  #droppedReported = 0;
  #graceMs = 0;
  #ending = false;

  constructor(tools: WorkerTools) {
    this.#tools = tools;
    const feedback: Feedback = {
      suspect: (environment, id) => this.#sendFeedback({ kind: 'suspect', environment, id }),
      report: (report) => this.#sendFeedback({ kind: 'report', ...report }),
    };
    const open = () => Promise.reject(new Error('a worker listens only on sockets of the main process'));
    this.#dataPlane = new LocalDataPlane({ ...tools, ...feedback, open });
    this.#reportLater();
  }

  /** Carries out a message of the main process, after those before it; `handle` came along with it. */
  receive(message: ToWorker, handle: object | undefined): void {
    this.#messages.receive(message, handle);
  }

  #carryOut(message: ToWorker, handle: object | undefined): Promise<void> | undefined {
    switch (message.kind) {
      case 'begin':
        this.#graceMs = message.graceMs;
        this.#tools.begin(message);
        break;
      case 'apply':
        return startNow(this.#apply(message.table));
      case 'remove':
        this.#tables.delete(message.name);
        this.#dataPlane.remove(message.name);
        break;
      case 'open':
        this.#listeners.set(message.listener, this.#listen(message, handle));
        break;
      case 'update':
        void this.#listeners.get(message.listener)?.then((listener) => listener?.update(message.settings));
        break;
      case 'close':
        void this.#close(message.listener, message.graceMs).then(() => this.#tools.send({ kind: 'closed', listener: message.listener }));
        break;
      case 'shed':
        this.#shed(message.connections);
        break;
      case 'reopen-log':
        this.#tools.reopenLog();
        break;
      case 'beside':
        this.#tools.beside?.receive(message.message);
        break;
      case 'settle':
        void Promise.all(this.#listeners.values()).then(() => this.#tools.send({ kind: 'ready' }));
        break;
      case 'drain':
        void this.#drain(message.graceMs);
        break;
      default:
        message satisfies never;
    }
    return undefined;
  }

  /** Takes a table into use; prepares it in pieces, between which traffic is carried. */
  *#apply(table: TableEnvironment): Pieces<void> {
    const { name } = table;
    const next = yield* withKnownServers(table, this.#tables.get(name));
    yield* this.#dataPlane.prepare(next);
    this.#tables.set(name, next);
    this.#dataPlane.apply(next);
  }

  /** Drains and ends after the main process has died, since no tables come any more. Frees the ports at once. */
  mainProcessGone(): void {
    this.#tools.logger.warn('the main process has died: this worker finishes its exchanges in flight and ends');
    void this.#drain(this.#graceMs);
  }

  async #listen(message: Extract<ToWorker, { kind: 'open' }>, handle: object | undefined): Promise<WorkerListener | undefined> {
    const { listener: number, address, settings } = message;
    try {
      if (handle === undefined) throw new Error('the message came without its socket');
      await this.#tools.beside?.ready();
      const listener = await this.#tools.listen(address, handle, settings, this.#dataPlane);
      this.#open.set(listener, address);
      this.#tools.send({ kind: 'opened', listener: number });
      return listener;
    } catch (error) {
      const { code, message: reason } = error as NodeJS.ErrnoException;
      this.#listeners.delete(number);
      this.#tools.send({ kind: 'refused', listener: number, code, reason });
      return undefined;
    }
  }

  #shed(connections: number): void {
    const each = Math.ceil(connections / Math.max(1, this.#listeners.size));
    for (const opening of this.#listeners.values()) void opening.then((listener) => listener?.shed(each));
  }

  async #close(number: number, graceMs: number): Promise<void> {
    const listener = await this.#listeners.get(number);
    await listener?.close(graceMs);
    this.#listeners.delete(number);
    if (listener === undefined) return;
    // Report the listener's last counts before it is forgotten.
    this.#report();
    this.#open.delete(listener);
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await Promise.all([...this.#listeners.keys()].map((number) => this.#close(number, graceMs)));
    this.#report();
    await this.#dataPlane.close();
    await this.#tools.beside?.end();
    this.#tools.end();
  }

  #sendFeedback(message: Extract<FromWorker, { kind: 'suspect' | 'report' }>): void {
    const key = `${message.kind} ${message.environment} ${message.id}`;
    if (this.#recentFeedback.has(key)) return;
    this.#recentFeedback.add(key);
    this.#tools.clock.after(repeatMs, () => this.#recentFeedback.delete(key));
    this.#tools.send(message);
  }

  #reportLater(): void {
    this.#tools.clock.after(reportMs, () => {
      this.#report();
      this.#reportLater();
    });
  }

  #report(): void {
    const { servers, environments, listeners } = this.#changes;
    const counts: WorkerCounts = {
      servers: servers.changes([...this.#dataPlane.servers()].map(countsOfServer)),
      environments: environments.changes(this.#dataPlane.environments().map(countsOfEnvironment)),
      listeners: listeners.changes(liveListeners(this.#open).map(countsOfListener)),
    };
    const news = counts.servers.length + counts.environments.length + counts.listeners.length;
    if (news === 0 && ++this.#skippedReports < heartbeatReports && !this.#ending) return;
    this.#skippedReports = 0;
    const dropped = this.#tools.dropped();
    this.#tools.send({ kind: 'counts', counts, cpuMs: this.#tools.cpuMs(), dropped: dropped - this.#droppedReported });
    this.#droppedReported = dropped;
  }
}
