import type { BesideWorker } from '../../balancer/workers/beside.ts';
import { Calls } from './calls.ts';
import type { ToCopies } from './messages.ts';

/** The messages about embedded servers between the main process and one worker. */
export class WorkerChannel {
  readonly calls = new Calls();
  readonly #worker: BesideWorker;

  constructor(worker: BesideWorker) {
    this.#worker = worker;
  }

  get number(): number {
    return this.#worker.number;
  }

  tell(message: ToCopies): void {
    this.#worker.tell(message);
  }
}
