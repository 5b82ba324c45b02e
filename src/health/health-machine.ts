/** `unknown`: not judged yet. */
export type Wellness = 'up' | 'down' | 'unknown';

/** How many checks in a row it takes to change one's mind. */
export interface HealthThresholds {
  /** Passes until a server that is down is up. One that was never judged is up after the first. */
  readonly rise: number;
  /** Failures until it is down. */
  readonly fall: number;
}

/** What checks of one server add up to. Pure: it neither waits nor asks. */
export class HealthMachine {
  #state: Wellness = 'unknown';
  /** Results in a row that speak against `#state`. */
  #against = 0;

  get state(): Wellness {
    return this.#state;
  }

  /** Whether the next results decide something, so that they are worth having soon. */
  get wavering(): boolean {
    return this.#state === 'unknown' || this.#against > 0;
  }

  /** Takes in one check; true if that turned the state. */
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
