/**
 * Rules for ejecting a server whose exchanges fail (passive health checks). The `outlier` part of an environment's specification; times in
 * milliseconds.
 */
export interface OutlierSettings {
  /** Failures in a row until ejection; 0: never. */
  readonly consecutiveFailures: number;
  /** Length of the first ejection. The n-th one in a row lasts n times as long. */
  readonly baseEjection: number;
  readonly maxEjection: number;
  /** Percentage of the servers that may be ejected at a time. */
  readonly maxEjectedPercent: number;
}

/**
 * The ejections of one server: their number, and the end of the last one. Pure: time is an argument.
 * For every `baseEjection` without an ejection, one earlier ejection is forgotten.
 */
export class Ejection {
  /** Number of ejections not forgotten yet, as of `#until`. */
  #count = 0;
  #until = Number.NEGATIVE_INFINITY;

  ejected(now: number): boolean {
    return now < this.#until;
  }

  /** Ejects the server; returns for how long, in milliseconds. */
  eject(settings: OutlierSettings, now: number): number {
    const forgotten = settings.baseEjection > 0 && this.#count > 0 ? Math.floor((now - this.#until) / settings.baseEjection) : 0;
    this.#count = Math.max(0, this.#count - forgotten) + 1;
    const length = Math.min(settings.baseEjection * this.#count, Math.max(settings.maxEjection, settings.baseEjection));
    this.#until = now + length;
    return length;
  }
}

/** Says whether one more of `total` servers may be ejected while `ejected` of them are. */
export function mayEject(ejected: number, total: number, maxEjectedPercent: number): boolean {
  return (ejected + 1) * 100 <= total * maxEjectedPercent;
}
