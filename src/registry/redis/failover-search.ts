import type { Clock } from '../../model/clock.ts';

/** Milliseconds between two searches: they double from the first to the longest while no other Redis is found. */
const firstMs = 1000;
const longestMs = 30_000;

/**
 * Decides when to look for another master. After a failover the old master refuses changes (READONLY): a new connection finds the new master. If there
 * is none, a Redis that stays a replica refuses every change, and connecting anew each time would interrupt the reads that still work.
 */
export class FailoverSearch {
  readonly #clock: Pick<Clock, 'now'>;
  #waitMs = 0;
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** True if the connection that got this error is to be replaced. */
  isDue({ message }: Error): boolean {
    if (!message.startsWith('READONLY')) return false;
    const sinceMs = this.#clock.now() - this.#searchedAt;
    if (sinceMs < this.#waitMs) return false;
    // After a long time without a search it is another failover.
    this.#waitMs = sinceMs > 2 * longestMs ? firstMs : Math.min(longestMs, this.#waitMs * 2);
    this.#searchedAt = this.#clock.now();
    return true;
  }
}
