/** Milliseconds between two turns while traffic flows: in most of these gaps the answer to a request that was sent in the first turn comes back, and is passed on. */
const gapMs = 1;
/** Milliseconds since the last request for which traffic is taken to flow. */
const flowMs = 100;

interface Gaps {
  now(): number;
  /** Does something after a time. Returns what ends the wait. */
  after(ms: number, task: () => void): () => void;
}

const systemGaps: Gaps = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Starts pieces of work one in each turn of the event loop, first come, first served. Traffic of the same process comes in between, however many
 * requests arrive at once and however long one of them is. While traffic flows, a turn that is used up is followed by a gap: a request waits for one turn
 * then, where it would else wait for another one at each step of its way.
 */
export class Turns {
  /** Requests of clients that have begun in this process. The one who begins a request counts it here. */
  requests = 0;
  readonly #gaps: Gaps;
  readonly #waiting: (() => void)[] = [];
  /** Number of urgent ones among those that wait; the urgent ones are the first. */
  #urgent = 0;
  #usedUp = false;
  #endGap: (() => void) | undefined;
  /** Requests as of the last look, and when they were fewer. */
  #seen = 0;
  #flowedAt = Number.NEGATIVE_INFINITY;

  constructor(gaps: Gaps = systemGaps) {
    this.#gaps = gaps;
  }

  /** Resolves when it is the caller's turn. @param urgent true: before all that wait, and without a gap */
  next(urgent = false): Promise<void> {
    return new Promise((resolve) => this.start(resolve, urgent));
  }

  /** Resolves when it is the turn again of a caller who has used up one. */
  again(urgent = false): Promise<void> {
    this.#usedUp = true;
    return this.next(urgent);
  }

  /** Does work when it is its turn. */
  start(work: () => void, urgent = false): void {
    if (urgent) {
      this.#waiting.unshift(work);
      this.#urgent++;
    } else this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(this.#look);
    else if (urgent && this.#endGap !== undefined) {
      this.#endGap();
      this.#endGap = undefined;
      setImmediate(this.#next);
    }
  }

  /** Begins a turn, or a gap before it. */
  readonly #look = (): void => {
    const flows = this.#usedUp && this.#flows();
    this.#usedUp = false;
    if (flows && this.#urgent === 0) this.#endGap = this.#gaps.after(gapMs, this.#next);
    else this.#next();
  };

  readonly #next = (): void => {
    this.#endGap = undefined;
    if (this.#urgent > 0) this.#urgent--;
    const work = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#look);
    work?.();
  };

  #flows(): boolean {
    const now = this.#gaps.now();
    if (this.requests !== this.#seen) {
      this.#seen = this.requests;
      this.#flowedAt = now;
    }
    return now - this.#flowedAt < flowMs;
  }
}

/** The turns of the control plane's work in this process, which has one event loop. */
export const controlTurns = new Turns();
