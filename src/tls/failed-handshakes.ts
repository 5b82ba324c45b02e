import { type Clock, systemClock } from '../model/clock.ts';

/** Milliseconds between two lines of the log. */
const lineMs = 60_000;

interface Log {
  warn(about: object, message: string): void;
}

/** Counts clients whose handshake failed, and logs one line a minute at most: anyone can make handshakes fail. */
export class FailedHandshakes {
  /** Logger of this process; undefined: nothing is logged. */
  log: Log | undefined;
  /** Failures since the start. */
  count = 0;
  readonly #clock: Pick<Clock, 'now'>;
  #loggedAt = Number.NEGATIVE_INFINITY;
  /** Failures since the last line. */
  #unlogged = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** @param client its IP address */
  report(client: string, error: Error & { code?: string; reason?: string }): void {
    this.count++;
    this.#unlogged++;
    const now = this.#clock.now();
    if (this.log === undefined || now - this.#loggedAt < lineMs) return;
    this.#loggedAt = now;
    const about = { failed: this.#unlogged, client, reason: error.reason ?? error.code ?? error.message };
    this.#unlogged = 0;
    this.log.warn(about, 'TLS handshakes of clients failed; the last one for this reason. At most one such line a minute');
  }
}

/** The process-wide instance. */
export const failedHandshakes = new FailedHandshakes(systemClock);
