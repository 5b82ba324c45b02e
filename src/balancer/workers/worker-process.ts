import type { ChildProcess } from 'node:child_process';
import type { FromWorker, ToWorker } from './messages.ts';

/** What stands in line to be told: a message, or the name of an environment whose table is then told as it is by then. */
type Waiting = { readonly message: ToWorker; readonly handle?: object } | { readonly environment: string };

export interface WorkerProcessOwner {
  /** The environment's table as a message. */
  tell(environment: string): ToWorker;
  hear(worker: WorkerProcess, message: FromWorker): void;
}

/**
 * One worker process, seen from the first. What it is told leaves in order and one message at a time: a worker that does not
 * read costs a line of names, however often tables change meanwhile.
 */
export class WorkerProcess {
  readonly number: number;
  /** Rejects if it ends before that. */
  readonly ready: Promise<void>;
  /** Settles with the reason once the process has ended. */
  readonly ended: Promise<string>;
  /** Looks since it was last heard of. */
  silentLooks = 0;
  /** Milliseconds of processor time used, as it last said. */
  cpuMs = 0;
  isReady = false;
  /** Anything was heard of it; before that it listens nowhere. */
  hasSpoken = false;
  hasEnded = false;
  /** It was told to finish what it has and end. */
  draining = false;
  readonly #child: ChildProcess;
  readonly #owner: WorkerProcessOwner;
  readonly #line: Waiting[] = [];
  /** Environments in line. */
  readonly #due = new Set<string>();
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
        // Failing to start is an end of its own; any other error leaves a process that will say `exit`.
        if (child.pid === undefined) end(error.message);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = resolve;
      void this.ended.then((reason) => reject(new Error(reason)));
    });
    this.ready.catch(() => {});
    child.on('message', (message) => this.#hear(message as FromWorker));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Queues a message; `handle` goes along. */
  tell(message: ToWorker, handle?: object): void {
    this.#line.push({ message, ...(handle === undefined ? {} : { handle }) });
    this.#sendNext();
  }

  /** Queues the environment's table, unless it is in line already. */
  tellTable(environment: string): void {
    if (this.#due.has(environment)) return;
    this.#due.add(environment);
    this.#line.push({ environment });
    this.#sendNext();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** From the same program over a private channel: its shape needs no proof. */
  #hear(message: FromWorker): void {
    this.silentLooks = 0;
    this.hasSpoken = true;
    if (message.kind === 'ready') {
      this.isReady = true;
      this.#settleReady();
    }
    this.#owner.hear(this, message);
  }

  #sendNext(): void {
    if (this.#sending || !this.#child.connected) return;
    const next = this.#line.shift();
    if (next === undefined) return;
    if ('environment' in next) this.#due.delete(next.environment);
    const { message, handle } = 'message' in next ? next : { message: this.#owner.tell(next.environment), handle: undefined };
    this.#sending = true;
    // A failed send means that it is ending, which `exit` tells.
    this.#child.send(message, handle as Parameters<ChildProcess['send']>[1], {}, () => {
      this.#sending = false;
      this.#sendNext();
    });
  }
}
