/** The least pace of request bodies. */
export interface LeastPace {
  /** Milliseconds that a client is ahead at the start of a body, and at most at any time. */
  readonly graceMs: number;
  /** Octets per second; 0: no least pace. */
  readonly octetsPerSecond: number;
}

/**
 * Watches whether a request body keeps the least pace: a client that sends an octet now and then would otherwise hold its connection as
 * long as it likes, although it is never silent. Every octet earns time, up to the grace (a leaky bucket; the model is Apache's
 * RequestReadTimeout with MinRate). Time in which Sluice itself does not read costs nothing. All times by the clock of the deadlines.
 */
export class BodyPace {
  #settings: LeastPace = { graceMs: 0, octetsPerSecond: 0 };
  #until = 0;
  #stoppedAt: number | undefined;

  begin(settings: LeastPace, now: number): void {
    this.#settings = settings;
    this.#until = now + settings.graceMs;
    this.#stoppedAt = undefined;
  }

  received(octets: number, now: number): void {
    const { graceMs, octetsPerSecond } = this.#settings;
    if (octetsPerSecond > 0) this.#until = Math.min(this.#until + (octets * 1000) / octetsPerSecond, now + graceMs);
  }

  /** Sluice stops reading. */
  stop(now: number): void {
    this.#stoppedAt ??= now;
  }

  /** Sluice reads again. */
  resume(now: number): void {
    if (this.#stoppedAt !== undefined) this.#until += now - this.#stoppedAt;
    this.#stoppedAt = undefined;
  }

  /** The sooner one of `deadline` and the end of the time that the client has left; 0 stands for no limit. */
  limit(deadline: number): number {
    if (this.#settings.octetsPerSecond === 0) return deadline;
    return deadline === 0 ? this.#until : Math.min(deadline, this.#until);
  }
}
