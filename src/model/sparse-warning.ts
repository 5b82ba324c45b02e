import type { Clock } from './clock.ts';

/** Milliseconds between two lines of the log. */
const lineMs = 60_000;

interface Log {
  warn(about: object, message: string): void;
}

interface Texts {
  /** Field of the line that has the number of events since the last line. */
  readonly counted: string;
  /** Says what has happened. The other fields of the line are about the last event. */
  readonly message: string;
}

/** Counts what peers can cause as often as they like, and logs one line a minute at most. */
export class SparseWarning {
  /** Logger of this process; undefined: nothing is logged. */
  log: Log | undefined;
  /** Events since the start. */
  count = 0;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #texts: Texts;
  #loggedAt = Number.NEGATIVE_INFINITY;
  /** Events since the last line. */
  #unlogged = 0;

  constructor(clock: Pick<Clock, 'now'>, texts: Texts) {
    this.#clock = clock;
    this.#texts = texts;
  }

  /** @param about fields that describe the event */
  tell(about: object): void {
    this.count++;
    this.#unlogged++;
    const now = this.#clock.now();
    if (this.log === undefined || now - this.#loggedAt < lineMs) return;
    this.#loggedAt = now;
    const { counted, message } = this.#texts;
    this.log.warn({ [counted]: this.#unlogged, ...about }, `${message}. At most one such line a minute`);
    this.#unlogged = 0;
  }
}
