import type { ListenerSettings } from '../../proxy/contract.ts';
import type { OpenedListener } from '../data-plane.ts';
import type { BoundSocket } from './bound-socket.ts';
import type { FromWorker } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What a worker says of a listener; undefined: it has ended before it could. */
export type ListenerAnswer = Extract<FromWorker, { kind: 'opened' | 'refused' | 'closed' }> | undefined;

type Waiting = Map<WorkerProcess, (answer: ListenerAnswer) => void>;

/** A listener that all workers serve. The socket is this process's: it stays open while workers come and go. */
export class SharedListener implements OpenedListener {
  readonly number: number;
  readonly configured: string;
  readonly #socket: BoundSocket;
  readonly #workers: Iterable<WorkerProcess>;
  readonly #opening: Waiting = new Map();
  readonly #closing: Waiting = new Map();
  readonly #closed: () => void;
  #settings: ListenerSettings;
  #isClosed = false;

  constructor(given: {
    number: number;
    configured: string;
    socket: BoundSocket;
    settings: ListenerSettings;
    workers: Iterable<WorkerProcess>;
    closed: () => void;
  }) {
    this.number = given.number;
    this.configured = given.configured;
    this.#socket = given.socket;
    this.#settings = given.settings;
    this.#workers = given.workers;
    this.#closed = given.closed;
  }

  get address(): string {
    return this.#socket.address;
  }

  /** Settles once every worker has answered; rejects with the system's error if none of them can listen. */
  async open(): Promise<void> {
    const answers = await Promise.all([...this.#workers].map((worker) => this.greet(worker)));
    if (answers.some((answer) => answer?.kind === 'opened')) return;
    this.close(0).catch(() => {});
    const refused = answers.find((answer) => answer?.kind === 'refused');
    if (refused?.kind === 'refused') throw Object.assign(new Error(refused.reason), { code: refused.code });
    throw new Error('no worker process is up to serve it: what is logged above says why');
  }

  /** A worker that is to serve it, too. */
  greet(worker: WorkerProcess): Promise<ListenerAnswer> {
    if (worker.draining || this.#isClosed) return Promise.resolve(undefined);
    const answer = this.#answer(this.#opening, worker);
    worker.tell({ kind: 'open', listener: this.number, address: this.configured, settings: this.#settings }, this.#socket.handle);
    return answer;
  }

  hear(worker: WorkerProcess, answer: ListenerAnswer): void {
    if (answer?.kind !== 'closed') settle(this.#opening, worker, answer);
    if (answer === undefined || answer.kind === 'closed') settle(this.#closing, worker, answer);
  }

  update(settings: ListenerSettings): void {
    this.#settings = settings;
    for (const worker of this.#workers) worker.tell({ kind: 'update', listener: this.number, settings });
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    const answers = [...this.#workers].map((worker) => {
      const answer = this.#answer(this.#closing, worker);
      worker.tell({ kind: 'close', listener: this.number, graceMs });
      return answer;
    });
    this.#socket.close();
    await Promise.all(answers);
    this.#closed();
  }

  #answer(waiting: Waiting, worker: WorkerProcess): Promise<ListenerAnswer> {
    return worker.hasEnded ? Promise.resolve(undefined) : new Promise((resolve) => waiting.set(worker, resolve));
  }
}

function settle(waiting: Waiting, worker: WorkerProcess, answer: ListenerAnswer): void {
  waiting.get(worker)?.(answer);
  waiting.delete(worker);
}
