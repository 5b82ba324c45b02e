import { pause } from '../../test/tools/pause.ts';

/** Distributes the starts of requests evenly over a time, and holds them back until certain events. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #everyMs: number;
  readonly #holds: { readonly from: number; readonly until: Promise<unknown> }[] = [];

  /** @param seconds shortest time for all `count` requests */
  constructor(count: number, seconds: number) {
    this.#everyMs = (seconds * 1000) / count;
  }

  /** Holds back the requests from number `from` on until `until` has resolved. */
  hold(from: number, until: Promise<unknown>): void {
    this.#holds.push({ from, until });
  }

  /** Resolves when request `number` may begin. Rejects if an event that it waits for fails. */
  async turn(number: number): Promise<void> {
    for (const { from, until } of this.#holds) if (number >= from) await until;
    const earlyMs = this.#startedAt + number * this.#everyMs - performance.now();
    // Timers have a resolution of 1 ms: several requests may start at once, at the right average rate.
    if (earlyMs > 1) await pause(earlyMs);
  }
}
