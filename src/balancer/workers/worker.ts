import type { Clock } from '../../model/clock.ts';
import type { EnvironmentCounts, ListenerCounts, ServerCounts } from '../../model/counts.ts';
import type { EnvironmentGauges, ServerGauges } from '../../model/live.ts';
import type { Handler, Listener, ListenerSettings } from '../../proxy/contract.ts';
import { LocalDataPlane, liveListeners } from '../local-data-plane.ts';
import type { ServerPoolTools } from '../server-pool.ts';
import type { Feedback } from '../table.ts';
import { CountChanges } from './count-changes.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { countsOfEnvironment, countsOfListener, countsOfServer, type ListenerGauges, type WorkerCounts } from './worker-counts.ts';

/** Milliseconds between two reports. */
const reportMs = 250;
/** Reports with nothing new that are left out before one is sent as a sign of life. */
const quietReports = 4;
/** Milliseconds in which the same is said of a server once only: what it asks for is under way. */
const repeatMs = 100;

/** What a worker does with its listeners. */
export type WorkerListener = Pick<Listener, 'update' | 'close' | 'connections' | 'counts'> & { shed(connections: number): void };

export interface WorkerTools extends Omit<ServerPoolTools, keyof Feedback> {
  readonly clock: Clock;
  readonly send: (message: FromWorker) => void;
  /** Listens on a socket that the first process has bound. */
  readonly listen: (address: string, bound: object, settings: ListenerSettings, handler: Handler) => Promise<WorkerListener>;
  /** Milliseconds of processor time that this process has used. */
  readonly cpuMs: () => number;
  readonly begin: (settings: WorkerSettings) => void;
  readonly reopenLog: () => void;
  /** Lines of the access log that could not be kept, since the start. */
  readonly dropped: () => number;
  /** Everything is finished and told. */
  readonly end: () => void;
}

/** The life of a worker process: carries traffic by the tables it is told, and tells how it goes. */
export class Worker {
  readonly #tools: WorkerTools;
  readonly #traffic: LocalDataPlane;
  readonly #listeners = new Map<number, Promise<WorkerListener | undefined>>();
  /** Those that are open, by the address they were configured with. */
  readonly #open = new Map<WorkerListener, string>();
  readonly #counters = {
    servers: new CountChanges<ServerCounts, ServerGauges>(),
    environments: new CountChanges<EnvironmentCounts, EnvironmentGauges>(),
    listeners: new CountChanges<ListenerCounts, ListenerGauges>(),
  };
  readonly #said = new Set<string>();
  #quiet = 0;
  #droppedTold = 0;
  #graceMs = 0;
  #ending = false;

  constructor(tools: WorkerTools) {
    this.#tools = tools;
    const feedback: Feedback = {
      suspect: (environment, id) => this.#say({ kind: 'suspect', environment, id }),
      report: (report) => this.#say({ kind: 'report', ...report }),
    };
    const open = () => Promise.reject(new Error('a worker listens only where it is told to'));
    this.#traffic = new LocalDataPlane({ ...tools, ...feedback, open });
    this.#reportLater();
  }

  /** Carries out what the first process says; `handle` came with the message. */
  hear(message: ToWorker, handle: object | undefined): void {
    switch (message.kind) {
      case 'begin':
        this.#graceMs = message.graceMs;
        this.#tools.begin(message);
        break;
      case 'apply':
        this.#traffic.apply(message.table);
        break;
      case 'remove':
        this.#traffic.remove(message.name);
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
      case 'settle':
        void Promise.all(this.#listeners.values()).then(() => this.#tools.send({ kind: 'ready' }));
        break;
      case 'drain':
        void this.#drain(message.graceMs);
        break;
      default:
        message satisfies never;
    }
  }

  /** The first process is gone: nobody sends tables any more. What is in flight may finish, and the ports are free at once. */
  orphan(): void {
    this.#tools.logger.warn('the first process is gone: this worker finishes what it has and ends');
    void this.#drain(this.#graceMs);
  }

  async #listen(message: Extract<ToWorker, { kind: 'open' }>, handle: object | undefined): Promise<WorkerListener | undefined> {
    const { listener: number, address, settings } = message;
    try {
      if (handle === undefined) throw new Error('its socket got lost on the way');
      const listener = await this.#tools.listen(address, handle, settings, this.#traffic);
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
    // What it counted last is told before it is forgotten.
    this.#report();
    this.#open.delete(listener);
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await Promise.all([...this.#listeners.keys()].map((number) => this.#close(number, graceMs)));
    this.#report();
    await this.#traffic.close();
    this.#tools.end();
  }

  #say(word: Extract<FromWorker, { kind: 'suspect' | 'report' }>): void {
    const key = `${word.kind} ${word.environment} ${word.id}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#tools.clock.after(repeatMs, () => this.#said.delete(key));
    this.#tools.send(word);
  }

  #reportLater(): void {
    this.#tools.clock.after(reportMs, () => {
      this.#report();
      this.#reportLater();
    });
  }

  #report(): void {
    const { servers, environments, listeners } = this.#counters;
    const counts: WorkerCounts = {
      servers: servers.changes(this.#traffic.servers().map(countsOfServer)),
      environments: environments.changes(this.#traffic.environments().map(countsOfEnvironment)),
      listeners: listeners.changes(liveListeners(this.#open).map(countsOfListener)),
    };
    const news = counts.servers.length + counts.environments.length + counts.listeners.length;
    if (news === 0 && ++this.#quiet < quietReports && !this.#ending) return;
    this.#quiet = 0;
    const dropped = this.#tools.dropped();
    this.#tools.send({ kind: 'counts', counts, cpuMs: this.#tools.cpuMs(), dropped: dropped - this.#droppedTold });
    this.#droppedTold = dropped;
  }
}
