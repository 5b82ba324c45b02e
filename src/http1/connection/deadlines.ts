import { type Clock, systemClock, type Timer } from '../../model/clock.ts';
import { processDescriptors } from '../../model/descriptors.ts';

/** Something with at most one deadline at a time, such as a connection. */
export interface Watched {
  /** Time of the deadline by {@link Deadlines.now}, in milliseconds; 0: none. Assigning it is enough to set a deadline. */
  deadline: number;
  /** The deadline has passed. Called once per deadline, with `deadline` back at 0. */
  expire(): void;
  /** `expire` threw, which is a bug: ends what the deadline belonged to, and reports the error. */
  crashed(error: unknown): void;
}

/** If more time than this, in milliseconds, passed between two ticks, the process was stalled, and what its peers sent is not read yet. */
const stalledMs = 1000;

/**
 * One coarse timer for all connections. Setting or clearing a deadline is a plain assignment, so that a request costs no timer; a tick
 * looks at every connection, which takes less than a millisecond for 10,000 of them.
 */
export class Deadlines {
  /**
   * Milliseconds as of the last tick, which is exact enough for limits of a second and more. Time in which nothing was watched does not
   * count, nor does time in which the process was stalled (suspended, or short of processors): a peer must not be blamed for that silence.
   */
  now = 0;
  /**
   * `now` before the last tick. What has come on a connection that was stamped before it is read: one that was stamped since may just have been
   * accepted, and looks older than it is.
   */
  before = 0;
  /** The last stamp. */
  #stamped = 0;
  /** Time of the last tick, on the clock. */
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

  /** Number of entries watched. */
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

  /** Returns the deadline `ms` from now; 0, which means no limit, stays 0. */
  in(ms: number): number {
    return ms === 0 ? 0 : this.now + ms;
  }

  /** The present time, by {@link now}, or a fraction more: no two calls return the same, so that stamps also tell which came first. */
  stamp(): number {
    this.#stamped = Math.max(this.now, this.#stamped + 0.001);
    return this.#stamped;
  }

  #tick(): void {
    const at = this.#clock.now();
    const passed = at - this.#tickedAt;
    this.before = this.now;
    this.now += passed > stalledMs ? this.#tickMs : passed;
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

/** The sooner of two deadlines, of which 0 means none. */
export function sooner(one: number, other: number): number {
  if (one === 0 || other === 0) return one + other;
  return Math.min(one, other);
}

/** The process-wide instance, shared by all connections. */
export const processDeadlines = new Deadlines(systemClock);
processDescriptors.clock = processDeadlines;
