import type { QueueCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';
import type { Route } from './contract.ts';

/** An exchange that waits until a server has room for it. */
export interface Waiter {
  /** Servers have failed it already, so that those with room may be none for it. */
  readonly choosy: boolean;
  /** Tries to go on; false: there is still no room. */
  proceed(): boolean;
  /** `proceed` threw, which is a bug. */
  crashed(error: unknown): void;
}

/** Those who wait for a server of one route, first come, first served. */
export class WaitingLine {
  /** Turned away because too many waited already, and because nobody had room in time. */
  overflows = 0;
  timeouts = 0;
  readonly #waits = new LatencyHistogram();
  /** Since when each waits. */
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
   * Takes `waiter` in, unless `most` are waiting already or nobody is being served: then no room will come about.
   * Whoever is first may go on at once, if servers have joined meanwhile.
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

  /** It waits no more. */
  leave(waiter: Waiter): void {
    const since = this.#waiters.get(waiter);
    if (since === undefined) return;
    this.#waiters.delete(waiter);
    this.#waits.observe(performance.now() - since);
  }

  /** A server of the route has got an exchange. */
  entered(): void {
    this.#inFlight++;
  }

  /** A server of the route is rid of one. */
  left(): void {
    this.#inFlight--;
    this.#serve();
  }

  #serve(): void {
    // Whoever proceeds may fail at once and so come here again.
    if (this.#serving) return;
    this.#serving = true;
    for (const waiter of this.#waiters.keys()) {
      try {
        if (waiter.proceed()) this.leave(waiter);
        else if (!waiter.choosy) break;
      } catch (error) {
        this.leave(waiter);
        // Only the one whom it meets: whoever made room has nothing to do with it.
        waiter.crashed(error);
      }
    }
    this.#serving = false;
  }
}

const lines = new WeakMap<Route, WaitingLine>();

/** The line of a route, if anybody ever waited there. */
export function lineOf(route: Route): WaitingLine | undefined {
  return lines.get(route);
}

/** The line of a route, if requests may wait there. */
export function waitingLineOf(route: Route): WaitingLine | undefined {
  const { queue, connectionsPerServer } = route.settings.limits;
  if (queue === 0 || connectionsPerServer === 0) return undefined;
  let line = lines.get(route);
  if (line === undefined) {
    line = new WaitingLine();
    lines.set(route, line);
  }
  return line;
}
