import { type Clock, systemClock, type Timer } from '../model/clock.ts';

/** Something with at most one deadline at a time: a connection. */
export interface Watched {
  /** On the clock of {@link Deadlines.now}, in milliseconds; 0: none. Setting it is all it takes. */
  deadline: number;
  /** The deadline has passed; called once for each, with `deadline` back at 0. */
  expire(): void;
  /** `expire` threw, which is a bug: ends what it was about, and sees that somebody is told. */
  crashed(error: unknown): void;
}

/**
 * The one coarse timer of all connections. Setting and clearing a deadline is a plain store, so that a request costs no
 * timer; a tick looks at every connection, which for 10,000 of them takes less than a millisecond.
 */
export class Deadlines {
  /** Milliseconds, as of the last tick: good enough for limits of a second and more. */
  now: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tickMs = 100) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.now = clock.now();
  }

  /** How many connections are watched. */
  get size(): number {
    return this.#watched.size;
  }

  watch(entry: Watched): void {
    this.#watched.add(entry);
    if (this.#timer) return;
    this.now = this.#clock.now();
    this.#timer = this.#clock.after(this.#tickMs, () => this.#tick());
  }

  unwatch(entry: Watched): void {
    this.#watched.delete(entry);
  }

  /** The deadline `ms` from now; 0, no limit, stays 0. */
  in(ms: number): number {
    return ms === 0 ? 0 : this.now + ms;
  }

  #tick(): void {
    this.now = this.#clock.now();
    for (const entry of this.#watched) {
      if (entry.deadline === 0 || entry.deadline > this.now) continue;
      entry.deadline = 0;
      try {
        entry.expire();
      } catch (error) {
        entry.crashed(error);
      }
    }
    this.#timer = this.#watched.size === 0 ? undefined : this.#clock.after(this.#tickMs, () => this.#tick());
  }
}

/** Those of the process. */
export const processDeadlines = new Deadlines(systemClock);
