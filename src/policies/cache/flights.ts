import type { Clock } from '../../model/clock.ts';

/** End of a flight. `stored`: there is a response to use; `unusable`: others cannot use it; `lost`: nothing came of it. */
export type Landing = 'stored' | 'unusable' | 'lost';

/** Longest time in milliseconds that a request waits for another one's response: the client of that one may be slow. */
const patienceMs = 5000;
/** Time in milliseconds for which requests do not wait for each other after a response that others could not use. */
const apartMs = 10_000;
const maxApart = 10_000;
const maxKeyLength = 1024;

/** One request for a URL is on its way to the target; others for the same URL wait for what it brings. */
export class Flight {
  readonly #landed: (landing: Landing) => void;
  readonly #waiting = new Set<(landing: Landing) => void>();
  #over = false;

  constructor(landed: (landing: Landing) => void) {
    this.#landed = landed;
  }

  /** Ends the flight; only the first call counts. */
  land(landing: Landing): void {
    if (this.#over) return;
    this.#over = true;
    this.#landed(landing);
    for (const go of this.#waiting) go(landing);
    this.#waiting.clear();
  }

  /** Resolves when the flight has landed, or as `unusable` once patience is over. @param onEnd calls back when the waiting exchange has ended */
  wait(clock: Clock, onEnd: (done: () => void) => void): Promise<Landing> {
    return new Promise((resolve) => {
      const timer = clock.after(patienceMs, () => go('unusable'));
      const go = (landing: Landing) => {
        timer.cancel();
        this.#waiting.delete(go);
        resolve(landing);
      };
      this.#waiting.add(go);
      onEnd(() => go('lost'));
    });
  }
}

/** The flights of a cache, by URL, so that many requests for one URL make one request to the target. */
export class Flights {
  readonly #clock: Clock;
  readonly #flights = new Map<string, Flight>();
  /** URLs whose requests do not wait for each other, until a time. */
  readonly #apart = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Begins a flight; undefined: the requests for this URL go their own ways. */
  begin(key: string): Flight | undefined {
    const until = this.#apart.get(key);
    if (until !== undefined && until > this.#clock.now()) return undefined;
    this.#apart.delete(key);
    const flight = new Flight((landing) => {
      this.#flights.delete(key);
      if (landing === 'unusable') this.#keepApart(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  #keepApart(key: string): void {
    if (key.length > maxKeyLength) return;
    if (this.#apart.size >= maxApart) for (const oldest of this.#apart.keys()) if (this.#apart.delete(oldest)) break;
    this.#apart.set(key, this.#clock.now() + apartMs);
  }
}
