/**
 * Starts pieces of work one in each turn of the event loop, first come, first served. Traffic of the same process comes in between, however many
 * requests arrive at once and however long one of them is.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn. @param urgent true: before all that wait */
  next(urgent = false): Promise<void> {
    return new Promise((resolve) => {
      if (urgent) this.#waiting.unshift(resolve);
      else this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#start());
    });
  }

  #start(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#start());
  }
}

/** The turns of the control plane's work in this process, which has one event loop. */
export const controlTurns = new Turns();
