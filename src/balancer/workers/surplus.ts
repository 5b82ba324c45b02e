/** One worker's part of the work, over the last while. */
export interface Load {
  /** Processor time used, in milliseconds. */
  readonly cpuMs: number;
  /** Exchanges in flight at present. */
  readonly active: number;
}

/** A worker with this much more to do than the average is too busy. */
const tolerance = 1.25;
/** Share of a processor below which nobody is busy. */
const busyShare = 0.25;

/**
 * How many connections each worker should lose, so that all have about the same to do. The system gives a new connection to whoever
 * is quickest to take it, and a connection stays where it is: a burst of them can all end up in one worker.
 */
export function surplus(loads: readonly Load[], periodMs: number): number[] {
  const mean = loads.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / Math.max(1, loads.length);
  return loads.map(({ cpuMs, active }) => {
    if (cpuMs < periodMs * busyShare || cpuMs < mean * tolerance) return 0;
    return Math.floor(active * (1 - mean / cpuMs));
  });
}
