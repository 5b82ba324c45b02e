import type { Route } from './contract.ts';

/** An exchange that waits until a server has room for it. */
export interface Waiter {
  /** Servers have failed it already, so that those with room may be none for it. */
  readonly choosy: boolean;
  /** Tries to go on; false: there is still no room. */
  proceed(): boolean;
}

/** Those who wait for a server of one route, first come, first served. */
export class WaitingLine {
  readonly #waiters = new Set<Waiter>();
  #inFlight = 0;
  #serving = false;

  get length(): number {
    return this.#waiters.size;
  }

  /**
   * Takes `waiter` in, unless `most` are waiting already or nobody is being served: then no room will come about.
   * Whoever is first may go on at once, if servers have joined meanwhile.
   */
  join(waiter: Waiter, most: number): boolean {
    if (this.#waiters.size >= most || this.#inFlight === 0) return false;
    this.#waiters.add(waiter);
    this.#serve();
    return true;
  }

  /** It waits no more. */
  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
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
    for (const waiter of this.#waiters) {
      if (waiter.proceed()) this.#waiters.delete(waiter);
      else if (!waiter.choosy) break;
    }
    this.#serving = false;
  }
}

const lines = new WeakMap<Route, WaitingLine>();

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
