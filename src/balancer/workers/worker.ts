import type { Clock } from '../../model/clock.ts';
import type { Handler, Listener, ListenerSettings } from '../../proxy/contract.ts';
import type { PoolTools } from '../pool.ts';
import { Traffic } from '../traffic.ts';
import { CounterReport } from './counter-report.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';

/** Milliseconds between two reports. */
const reportMs = 250;
/** Reports with nothing new that are left out before one is sent as a sign of life. */
const quietReports = 4;
/** Milliseconds in which a server is suspected once only: the check that it asks for is under way. */
const suspectMs = 100;

/** What a worker does with its listeners. */
export type WorkerListener = Pick<Listener, 'update' | 'close'> & { shed(connections: number): void };

export interface WorkerTools extends Omit<PoolTools, 'suspect'> {
  readonly clock: Clock;
  readonly send: (message: FromWorker) => void;
  /** Listens on a socket that the first process has bound. */
  readonly listen: (address: string, bound: object, settings: ListenerSettings, handler: Handler) => Promise<WorkerListener>;
  /** Milliseconds of processor time that this process has used. */
  readonly cpuMs: () => number;
  readonly begin: (settings: WorkerSettings) => void;
  /** Everything is finished and told. */
  readonly end: () => void;
}

/** The life of a worker process: carries traffic by the tables it is told, and tells how it goes. */
export class Worker {
  readonly #tools: WorkerTools;
  readonly #traffic: Traffic;
  readonly #listeners = new Map<number, Promise<WorkerListener | undefined>>();
  readonly #counters = new CounterReport();
  readonly #suspected = new Set<string>();
  #quiet = 0;
  #graceMs = 0;
  #ending = false;

  constructor(tools: WorkerTools) {
    this.#tools = tools;
    const suspect = (environment: string, id: string) => this.#suspect(environment, id);
    const open = () => Promise.reject(new Error('a worker listens only where it is told to'));
    this.#traffic = new Traffic({ ...tools, suspect, open });
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
        this.#listeners.set(message.listener, this.#open(message, handle));
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

  async #open(message: Extract<ToWorker, { kind: 'open' }>, handle: object | undefined): Promise<WorkerListener | undefined> {
    const { listener: number, address, settings } = message;
    try {
      if (handle === undefined) throw new Error('its socket got lost on the way');
      const listener = await this.#tools.listen(address, handle, settings, this.#traffic);
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
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await Promise.all([...this.#listeners.keys()].map((number) => this.#close(number, graceMs)));
    this.#report();
    await this.#traffic.close();
    this.#tools.end();
  }

  #suspect(environment: string, id: string): void {
    const key = `${environment} ${id}`;
    if (this.#suspected.has(key)) return;
    this.#suspected.add(key);
    this.#tools.clock.after(suspectMs, () => this.#suspected.delete(key));
    this.#tools.send({ kind: 'suspect', environment, id });
  }

  #reportLater(): void {
    this.#tools.clock.after(reportMs, () => {
      this.#report();
      this.#reportLater();
    });
  }

  #report(): void {
    const servers = this.#counters.changes(this.#traffic.servers());
    if (servers.length === 0 && ++this.#quiet < quietReports && !this.#ending) return;
    this.#quiet = 0;
    this.#tools.send({ kind: 'report', servers, cpuMs: this.#tools.cpuMs() });
  }
}
