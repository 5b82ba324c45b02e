import type { ChildProcess } from 'node:child_process';
import type { BesideWorker } from './beside.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** A queued message, or the name of an environment whose table is looked up when its turn comes, so that the newest one is sent. */
type Queued = { readonly message: ToWorker; readonly handle?: object } | { readonly environment: string };

export interface WorkerProcessOwner {
  /** Message with the environment's present table. */
  tableMessage(environment: string): ToWorker;
  receive(worker: WorkerProcess, message: FromWorker): void;
}

/**
 * One worker process, as the main process sees it. Messages are sent in order, one at a time: while a worker does not read, only the
 * names of changed environments are queued, however often their tables change.
 */
export class WorkerProcess implements BesideWorker {
  readonly number: number;
  /** Resolves once the worker serves all listeners; rejects if it ends before that. */
  readonly ready: Promise<void>;
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<string>;
  /** Ticks since the last message from the worker. */
  silentTicks = 0;
  /** Milliseconds of processor time used, as last reported. */
  cpuMs = 0;
  isReady = false;
  /** The worker has sent a message; before that it has no listener. */
  hasAnswered = false;
  hasEnded = false;
  /** The worker got the order to finish its exchanges and end. */
  draining = false;
  readonly #child: ChildProcess;
  readonly #owner: WorkerProcessOwner;
  readonly #queue: Queued[] = [];
  /** Names of environments in the queue. */
  readonly #queuedTables = new Set<string>();
  #sending = false;
  #settleReady: () => void = () => {};

  constructor(number: number, child: ChildProcess, owner: WorkerProcessOwner) {
    this.number = number;
    this.#child = child;
    this.#owner = owner;
    this.ended = new Promise((resolve) => {
      const end = (reason: string) => {
        this.hasEnded = true;
        resolve(reason);
      };
      child.once('exit', (code, signal) => end(signal ?? `exit status ${code}`));
      child.on('error', (error) => {
        // Without a pid the process failed to start and emits no `exit`; after any other error `exit` still follows.
        if (child.pid === undefined) end(error.message);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = resolve;
      void this.ended.then((reason) => reject(new Error(reason)));
    });
    this.ready.catch(() => {});
    child.on('message', (message) => this.#receive(message as FromWorker));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Queues a message, with a socket handle to send along. */
  send(message: ToWorker, handle?: object): void {
    this.#queue.push({ message, ...(handle === undefined ? {} : { handle }) });
    this.#sendNext();
  }

  /** Queues the environment's table, unless it is queued already. */
  sendTable(environment: string): void {
    if (this.#queuedTables.has(environment)) return;
    this.#queuedTables.add(environment);
    this.#queue.push({ environment });
    this.#sendNext();
  }

  tell(message: unknown): void {
    this.send({ kind: 'beside', message });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Not validated: the message comes from the same program over a private channel. */
  #receive(message: FromWorker): void {
    this.silentTicks = 0;
    this.hasAnswered = true;
    if (message.kind === 'ready') {
      this.isReady = true;
      this.#settleReady();
    }
    this.#owner.receive(this, message);
  }

  #sendNext(): void {
    if (this.#sending || !this.#child.connected) return;
    const next = this.#queue.shift();
    if (next === undefined) return;
    if ('environment' in next) this.#queuedTables.delete(next.environment);
    const { message, handle } = 'message' in next ? next : { message: this.#owner.tableMessage(next.environment), handle: undefined };
    this.#sending = true;
    // The error is ignored: sending fails only when the process is ending, and `exit` reports that.
    this.#child.send(message, handle as Parameters<ChildProcess['send']>[1], {}, () => {
      this.#sending = false;
      this.#sendNext();
    });
  }
}
