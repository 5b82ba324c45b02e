/** Time in milliseconds after which an observation has lost about two thirds of its influence. */
const decayMs = 10_000;

/**
 * A moving average of latency that rises at once and falls slowly (Finagle's peak EWMA).
 * The value decays without observations, so that a server that was slow once is tried again.
 */
export class PeakEwma {
  #value = 0;
  #at = 0;

  /** Returns the average in milliseconds; 0 before the first observation. */
  at(now: number): number {
    return this.#value === 0 ? 0 : this.#value * Math.exp((this.#at - now) / decayMs);
  }

  /** @param latency milliseconds */
  observe(latency: number, now: number): void {
    // 0 means "no observation", so a response in no time at all is recorded as more than that.
    const sample = Math.max(latency, 0.001);
    const share = Math.exp((this.#at - now) / decayMs);
    this.#value = sample > this.#value ? sample : this.#value * share + sample * (1 - share);
    this.#at = now;
  }
}
