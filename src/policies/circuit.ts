/** When a circuit opens, and for how long. Durations in milliseconds. */
export interface CircuitSettings {
  /** Failures within the window that open it. */
  readonly failures: number;
  readonly window: number;
  /** Percent of the requests in the window that must have failed. */
  readonly rate: number;
  readonly open: number;
}

/** Leave for one request. A probe is the one request that decides about a circuit that was open. */
export interface Pass {
  readonly probe: boolean;
}

const slots = 10;
const ordinary: Pass = { probe: false };

/**
 * Decides by the latest outcomes whether requests go on. Closed: all do. Open: none does, for a time. Then one of them is a probe: its success closes
 * the circuit, its failure opens it again. Outcomes of requests that began before it opened change nothing.
 */
export class Circuit {
  #openUntil = 0;
  #probe: Pass | undefined;
  /** Requests and failures in each tenth of the window, and the number of that tenth since the clock began. */
  readonly #requests = new Array<number>(slots).fill(0);
  readonly #failures = new Array<number>(slots).fill(0);
  readonly #tenths = new Array<number>(slots).fill(-1);

  get isOpen(): boolean {
    return this.#openUntil > 0;
  }

  /** Leave for a request, or the milliseconds until the next may go on. */
  admit(now: number): Pass | number {
    if (this.#openUntil === 0) return ordinary;
    if (now < this.#openUntil) return this.#openUntil - now;
    if (this.#probe !== undefined) return 0;
    this.#probe = { probe: true };
    return this.#probe;
  }

  /** Takes the outcome of a request. Returns true if it opened or closed the circuit. */
  judge(pass: Pass, failed: boolean, now: number, settings: CircuitSettings): boolean {
    if (pass.probe) {
      if (pass !== this.#probe) return false;
      this.#probe = undefined;
      this.#openUntil = failed ? now + settings.open : 0;
      return !failed;
    }
    if (this.isOpen) return false;
    this.#count(failed, now, settings);
    if (!failed || !this.#exceeds(now, settings)) return false;
    this.#openUntil = now + settings.open;
    this.#tenths.fill(-1);
    return true;
  }

  /** The request ended without an outcome: if it was the probe, the next one is. */
  forget(pass: Pass): void {
    if (pass === this.#probe) this.#probe = undefined;
  }

  #count(failed: boolean, now: number, { window }: CircuitSettings): void {
    const tenth = tenthAt(now, window);
    const slot = tenth % slots;
    if (this.#tenths[slot] !== tenth) {
      this.#tenths[slot] = tenth;
      this.#requests[slot] = 0;
      this.#failures[slot] = 0;
    }
    (this.#requests[slot] as number)++;
    if (failed) (this.#failures[slot] as number)++;
  }

  #exceeds(now: number, { window, failures, rate }: CircuitSettings): boolean {
    const latest = tenthAt(now, window);
    let all = 0;
    let failed = 0;
    for (let slot = 0; slot < slots; slot++) {
      const age = latest - (this.#tenths[slot] as number);
      if (age < 0 || age >= slots || this.#tenths[slot] === -1) continue;
      all += this.#requests[slot] as number;
      failed += this.#failures[slot] as number;
    }
    return failed >= failures && failed * 100 >= rate * all;
  }
}

function tenthAt(now: number, window: number): number {
  return Math.floor((now * slots) / window);
}
