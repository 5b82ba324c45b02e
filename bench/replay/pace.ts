/** When each request may begin: evenly over a time, and not before what it is to come after. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #everyMs: number;
  readonly #holds: { readonly from: number; readonly until: Promise<unknown> }[] = [];

  /** @param seconds for all `count` requests, at least */
  constructor(count: number, seconds: number) {
    this.#everyMs = (seconds * 1000) / count;
  }

  /** No request from number `from` on begins before `until` has settled. */
  hold(from: number, until: Promise<unknown>): void {
    this.#holds.push({ from, until });
  }

  /** Settles when request `number` may begin; rejects if what it waits for fails. */
  async turn(number: number): Promise<void> {
    for (const { from, until } of this.#holds) if (number >= from) await until;
    const earlyMs = this.#startedAt + number * this.#everyMs - performance.now();
    // Timers are too coarse for single requests: a few at a time even out.
    if (earlyMs > 1) await new Promise<void>((resolve) => setTimeout(resolve, earlyMs));
  }
}
