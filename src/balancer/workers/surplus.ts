/** Load of one worker over the last period. */
export interface Load {
  /** Processor time used, in milliseconds. */
  readonly cpuMs: number;
  /** Exchanges in flight now. */
  readonly active: number;
}

/** A worker is too busy if it used more processor time than this many times the mean. */
const tolerance = 1.25;
/** Share of a processor below which a worker never counts as too busy. */
const busyShare = 0.25;

/**
 * Number of client connections that each worker should shed, so that the load of all workers becomes about equal. The kernel gives a new
 * connection to the worker that accepts first, and a connection never moves: a burst of connections can end up in a single worker.
 */
export function surplus(loads: readonly Load[], periodMs: number): number[] {
  const mean = loads.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / Math.max(1, loads.length);
  return loads.map(({ cpuMs, active }) => {
    if (cpuMs < periodMs * busyShare || cpuMs < mean * tolerance) return 0;
    return Math.floor(active * (1 - mean / cpuMs));
  });
}
