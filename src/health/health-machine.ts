/** Verdict of a server's health checks; `unknown`: none yet. */
export type HealthVerdict = 'up' | 'down' | 'unknown';

/** Consecutive checks needed to change the verdict. */
export interface HealthThresholds {
  /** Passed checks until a server that is down is up. A server without a verdict is up after the first. */
  readonly rise: number;
  /** Failed checks until a server is down. */
  readonly fall: number;
}

/** Derives a server's verdict from the results of its checks. Pure: it makes no checks and has no timer. */
export class HealthMachine {
  #state: HealthVerdict = 'unknown';
  /** Number of consecutive results that contradict `#state`. */
  #against = 0;

  get state(): HealthVerdict {
    return this.#state;
  }

  /** True if the next results may change the verdict, so that early checks are worthwhile. */
  get undecided(): boolean {
    return this.#state === 'unknown' || this.#against > 0;
  }

  /** Takes in the result of one check; true if it changed the state. */
  observe(passed: boolean, { rise, fall }: HealthThresholds): boolean {
    const verdict = passed ? 'up' : 'down';
    if (verdict === this.#state) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    const needed = passed ? (this.#state === 'unknown' ? 1 : rise) : fall;
    if (this.#against < needed) return false;
    this.#state = verdict;
    this.#against = 0;
    return true;
  }
}
