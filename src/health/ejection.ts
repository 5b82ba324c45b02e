/** When exchanges themselves speak against a server; times in milliseconds. The `outlier` part of an environment's specification. */
export interface OutlierSettings {
  /** Failures in a row until ejection; 0: never. */
  readonly consecutiveFailures: number;
  /** Length of the first ejection; the n-th in a row lasts n times as long. */
  readonly baseEjection: number;
  readonly maxEjection: number;
  /** Percent of the servers that may be out at a time. */
  readonly maxEjectedPercent: number;
}

/**
 * One server's record in the traffic it was given. Pure: a function of what it is told and the time.
 * Every `baseEjection` spent in good standing makes one earlier ejection forgotten.
 */
export class Ejection {
  #failures = 0;
  /** Ejections not forgotten yet, as of `#until`. */
  #count = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** When it may come back; in the past if it is not ejected. */
  get until(): number {
    return this.#until;
  }

  ejected(now: number): boolean {
    return now < this.#until;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Takes in one failure; true if the server ought to be ejected now. */
  failed(settings: OutlierSettings, now: number): boolean {
    if (settings.consecutiveFailures === 0 || this.ejected(now)) return false;
    return ++this.#failures >= settings.consecutiveFailures;
  }

  /** Puts it out; answers for how long, in milliseconds. */
  eject(settings: OutlierSettings, now: number): number {
    const forgotten = settings.baseEjection > 0 && this.#count > 0 ? Math.floor((now - this.#until) / settings.baseEjection) : 0;
    this.#count = Math.max(0, this.#count - forgotten) + 1;
    const length = Math.min(settings.baseEjection * this.#count, Math.max(settings.maxEjection, settings.baseEjection));
    this.#failures = 0;
    this.#until = now + length;
    return length;
  }
}

/** Whether one more of `total` servers may be ejected while `ejected` are. */
export function mayEject(ejected: number, total: number, maxEjectedPercent: number): boolean {
  return (ejected + 1) * 100 <= total * maxEjectedPercent;
}
