/**
 * Starts pieces of work one in each turn of the event loop, first come, first served. Traffic of the same process comes in between, however many
 * requests arrive at once and however long one of them is.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn. @param urgent true: before all that wait */
  next(urgent = false): Promise<void> {
    return new Promise((resolve) => this.start(resolve, urgent));
  }

  /** Does work when it is its turn. */
  start(work: () => void, urgent = false): void {
    if (urgent) this.#waiting.unshift(work);
    else this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const work = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#next);
    work?.();
  };
}

/** The turns of the control plane's work in this process, which has one event loop. */
export const controlTurns = new Turns();
