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
 * How often one server was ejected, and until when it is. Pure: a function of what it is told and the time.
 * Every `baseEjection` spent in good standing makes one earlier ejection forgotten.
 */
export class Ejection {
  /** Ejections not forgotten yet, as of `#until`. */
  #count = 0;
  #until = Number.NEGATIVE_INFINITY;

  ejected(now: number): boolean {
    return now < this.#until;
  }

  /** Puts it out; answers for how long, in milliseconds. */
  eject(settings: OutlierSettings, now: number): number {
    const forgotten = settings.baseEjection > 0 && this.#count > 0 ? Math.floor((now - this.#until) / settings.baseEjection) : 0;
    this.#count = Math.max(0, this.#count - forgotten) + 1;
    const length = Math.min(settings.baseEjection * this.#count, Math.max(settings.maxEjection, settings.baseEjection));
    this.#until = now + length;
    return length;
  }
}

/** Whether one more of `total` servers may be ejected while `ejected` are. */
export function mayEject(ejected: number, total: number, maxEjectedPercent: number): boolean {
  return (ejected + 1) * 100 <= total * maxEjectedPercent;
}
