import type { QueueCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** A request that waits for a server with room. */
export interface Waiter {
  /** True if the servers that have room now may be ones that the request cannot use: they have failed it, or it waits for its own. */
  readonly retrying: boolean;
  /** Tries to continue; false if there is still no room. */
  proceed(): boolean;
  /** Called if `proceed` threw, which is a bug. */
  crashed(error: unknown): void;
}

/** The requests that wait for a server of one route, first in, first out. */
export class RequestQueue {
  /** Requests refused because the queue was full, and because no server had room before their time was over. */
  overflows = 0;
  timeouts = 0;
  readonly #waits = new LatencyHistogram();
  /** Each waiter, with the time when it began to wait. */
  readonly #waiters = new Map<Waiter, number>();
  #inFlight = 0;
  #serving = false;

  get length(): number {
    return this.#waiters.size;
  }

  get counts(): QueueCounts {
    return { overflows: this.overflows, timeouts: this.timeouts, waits: this.#waits.plain };
  }

  /**
   * Appends `waiter`. Returns false if `most` are waiting already, or if no request of the route is in flight: then none will end and
   * make room. The first waiter may proceed at once, if servers have joined meanwhile.
   */
  join(waiter: Waiter, most: number): boolean {
    if (this.#waiters.size >= most) {
      this.overflows++;
      return false;
    }
    if (this.#inFlight === 0) return false;
    this.#waiters.set(waiter, performance.now());
    this.#serve();
    return true;
  }

  /** Removes `waiter`, if it waits. */
  leave(waiter: Waiter): void {
    const since = this.#waiters.get(waiter);
    if (since === undefined) return;
    this.#waiters.delete(waiter);
    this.#waits.observe(performance.now() - since);
  }

  /** Called when an attempt at a server of the route begins. */
  attemptBegan(): void {
    this.#inFlight++;
  }

  /** Called when an attempt has ended: its server has room for the next request. */
  attemptEnded(): void {
    this.#inFlight--;
    this.roomMade();
  }

  /** Called when a server of the route may have room for the next request. */
  roomMade(): void {
    if (this.#waiters.size > 0) this.#serve();
  }

  #serve(): void {
    // A waiter that proceeds may fail at once, and so get here again.
    if (this.#serving) return;
    this.#serving = true;
    for (const waiter of this.#waiters.keys()) {
      try {
        if (waiter.proceed()) this.leave(waiter);
        else if (!waiter.retrying) break;
      } catch (error) {
        this.leave(waiter);
        // Ends this waiter only: the request that made room has nothing to do with the bug.
        waiter.crashed(error);
      }
    }
    this.#serving = false;
  }
}
