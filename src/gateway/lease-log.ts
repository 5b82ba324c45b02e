import type { Logger } from 'pino';
import type { LeasedServer } from '../model/server.ts';

/** Where a server stands before an answer of the registry. */
interface Standing {
  readonly joined: boolean;
  readonly environment: string | undefined;
}

/** Logs what becomes of a lease: each change once, and each failure once until another one takes its place. */
export class LeaseLog {
  readonly #logger: Logger;
  /** Reason that was logged last; empty: the registry has answered since. */
  #reason = '';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  answered({ id, address, environment }: LeasedServer, before: Standing): void {
    if (!before.joined) {
      const text = environment === undefined ? 'registered as available: waiting to be added to an environment' : 'joined';
      this.#logger.info({ id, address, environment }, text);
    } else if (environment !== before.environment) {
      this.#logger.info({ id, from: before.environment, to: environment }, changeText(before.environment, environment));
    } else if (this.#reason !== '') this.#logger.info({ id }, 'the registry answers again');
    this.#reason = '';
  }

  failed(reason: string, { joined, environment }: Standing, serving: boolean): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#logger.warn({ reason, environment, serving }, joined ? 'the lease could not be renewed; retrying' : 'could not join; retrying');
  }
}

function changeText(from: string | undefined, to: string | undefined): string {
  if (to === undefined) return 'left its environment: now available';
  return from === undefined ? 'added to an environment' : 'moved to another environment';
}
