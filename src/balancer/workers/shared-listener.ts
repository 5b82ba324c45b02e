import type { BoundSocket } from '../../proxy/bound-socket.ts';
import type { ListenerSettings } from '../../proxy/contract.ts';
import type { OpenedListener } from '../data-plane.ts';
import type { FromWorker } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker's answer about a listener; undefined if the worker ended before it answered. */
export type ListenerAnswer = Extract<FromWorker, { kind: 'opened' | 'refused' | 'closed' }> | undefined;

type Waiting = Map<WorkerProcess, (answer: ListenerAnswer) => void>;

/** A listener that all workers serve. Its socket belongs to this process and stays open while workers start and end. */
export class SharedListener implements OpenedListener {
  readonly number: number;
  readonly configured: string;
  readonly #socket: BoundSocket;
  readonly #workers: Iterable<WorkerProcess>;
  readonly #opening: Waiting = new Map();
  readonly #closing: Waiting = new Map();
  readonly #closed: () => void;
  readonly #share: (settings: ListenerSettings) => ListenerSettings;
  #settings: ListenerSettings;
  #isClosed = false;

  constructor(given: {
    number: number;
    configured: string;
    socket: BoundSocket;
    settings: ListenerSettings;
    workers: Iterable<WorkerProcess>;
    closed: () => void;
    /** The part of the settings that one worker gets. */
    share: (settings: ListenerSettings) => ListenerSettings;
  }) {
    this.number = given.number;
    this.configured = given.configured;
    this.#socket = given.socket;
    this.#settings = given.settings;
    this.#workers = given.workers;
    this.#closed = given.closed;
    this.#share = given.share;
  }

  get address(): string {
    return this.#socket.address;
  }

  /** Resolves once every worker has answered; rejects with the system's error if no worker can listen. */
  async open(): Promise<void> {
    const answers = await Promise.all([...this.#workers].map((worker) => this.openIn(worker)));
    if (answers.some((answer) => answer?.kind === 'opened')) return;
    this.close(0).catch(() => {});
    const refused = answers.find((answer) => answer?.kind === 'refused');
    if (refused?.kind === 'refused') throw Object.assign(new Error(refused.reason), { code: refused.code });
    throw new Error('no worker process could start; see the log above');
  }

  /** Has one more worker serve the listener. */
  openIn(worker: WorkerProcess): Promise<ListenerAnswer> {
    if (worker.draining || this.#isClosed) return Promise.resolve(undefined);
    const answer = this.#answer(this.#opening, worker);
    worker.send(
      { kind: 'open', listener: this.number, address: this.configured, settings: this.#share(this.#settings) },
      this.#socket.handle,
    );
    return answer;
  }

  /** Takes a worker's answer; undefined when the worker has ended. */
  receive(worker: WorkerProcess, answer: ListenerAnswer): void {
    if (answer?.kind !== 'closed') settle(this.#opening, worker, answer);
    if (answer === undefined || answer.kind === 'closed') settle(this.#closing, worker, answer);
  }

  update(settings = this.#settings): void {
    this.#settings = settings;
    for (const worker of this.#workers) worker.send({ kind: 'update', listener: this.number, settings: this.#share(settings) });
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    const answers = [...this.#workers].map((worker) => {
      const answer = this.#answer(this.#closing, worker);
      worker.send({ kind: 'close', listener: this.number, graceMs });
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
