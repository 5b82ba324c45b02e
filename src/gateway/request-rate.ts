/** Length of a window in milliseconds. */
const windowMs = 30_000;

/** Number of the latest window in which something was counted in this process. */
let latest = 0;

/** Requests a second, counted in windows of half a minute: a request costs a division and an increment, and no timer runs. */
export class RequestRate {
  #window = 0;
  #count = 0;
  #before = 0;

  /** @param now milliseconds since the start of the process */
  count(now: number): void {
    this.#countIn(Math.floor(now / windowMs));
  }

  /** Counts where the time is not at hand, in the window of the request of this process that was counted last: a look at the clock costs more than counting. */
  countWithoutClock(): void {
    this.#countIn(latest);
  }

  /** Rate over the latest half minute: the present window, and of the one before as much as the half minute reaches back into it. */
  perSecond(now: number): number {
    const window = Math.floor(now / windowMs);
    const age = window - this.#window;
    const count = age === 0 ? this.#count : 0;
    const before = age === 0 ? this.#before : age === 1 ? this.#count : 0;
    const reach = 1 - (now / windowMs - window);
    return ((before * reach + count) * 1000) / Math.min(windowMs, Math.max(1000, now));
  }

  #countIn(window: number): void {
    if (window !== this.#window) {
      this.#before = window === this.#window + 1 ? this.#count : 0;
      this.#window = window;
      this.#count = 0;
      if (window > latest) latest = window;
    }
    this.#count++;
  }
}
