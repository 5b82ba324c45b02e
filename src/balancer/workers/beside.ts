/** One worker, as a part of the program beside the data plane sees it. */
export interface BesideWorker {
  readonly number: number;
  /** The worker has the order to finish its exchanges and end. */
  readonly draining: boolean;
  /** Sends a message to the counterpart in the worker; messages arrive in order. */
  tell(message: unknown): void;
}

/** A part of the program beside the data plane, in the main process, that has a counterpart in each worker. */
export interface Beside {
  /** Called before the worker gets its first table and listener. */
  began(worker: BesideWorker): void;
  heard(worker: BesideWorker, message: unknown): void;
  /** Called when the worker's process has ended. */
  ended(worker: BesideWorker): void;
}

/** The counterpart in a worker. */
export interface BesideMain {
  receive(message: unknown): void;
  /** Resolves when the worker may serve requests. */
  ready(): Promise<void>;
  /** Called when every exchange of the worker has ended, before its process does. */
  end(): Promise<void>;
}
