import { type Clock, systemClock, type Timer } from '../../model/clock.ts';

/** Something with at most one deadline at a time: a connection. */
export interface Watched {
  /** On the clock of {@link Deadlines.now}, in milliseconds; 0: none. Setting it is all it takes. */
  deadline: number;
  /** The deadline has passed; called once for each, with `deadline` back at 0. */
  expire(): void;
  /** `expire` threw, which is a bug: ends what it was about, and sees that somebody is told. */
  crashed(error: unknown): void;
}

/** A tick that comes this late, in milliseconds, finds a process that was held up: what its peers said meanwhile has not been read yet. */
const heldUpMs = 1000;

/**
 * The one coarse timer of all connections. Setting and clearing a deadline is a plain store, so that a request costs no
 * timer; a tick looks at every connection, which for 10,000 of them takes less than a millisecond.
 */
export class Deadlines {
  /**
   * Milliseconds, as of the last tick: good enough for limits of a second and more. Left out is the time when nobody was watched, and
   * that for which the process was held up (suspended, or short of processors), because nobody is to blame for not being heard in it.
   */
  now = 0;
  /** When that was, on the clock. */
  #tickedAt: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tickMs = 100) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#tickedAt = clock.now();
  }

  /** How many connections are watched. */
  get size(): number {
    return this.#watched.size;
  }

  watch(entry: Watched): void {
    this.#watched.add(entry);
    if (this.#timer) return;
    this.#tickedAt = this.#clock.now();
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
    const at = this.#clock.now();
    const passed = at - this.#tickedAt;
    this.now += passed > heldUpMs ? this.#tickMs : passed;
    this.#tickedAt = at;
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
