import type { PeakEwma } from './peak-ewma.ts';

/** A server as balancing algorithms see it. The live server objects implement it. */
export interface Candidate {
  readonly id: string;
  /** Relative share of exchanges; 0: none. Read when a picker is made. */
  readonly weight: number;
  /** Exchanges in flight. `watcher` is notified of every change. */
  readonly active: number;
  /** The server can take one more exchange: it has not reached its connection limit. */
  readonly available: boolean;
  /** Latency of its recent responses. Only `ewma` uses it. */
  readonly latency?: PeakEwma | undefined;
  /** The picker that indexes loads, if it does. A candidate belongs to one picker at a time. */
  watcher: LoadWatcher | undefined;
  /** The candidate's position in the index of `watcher`, which sets it. */
  slot: number;
}

/** Is notified of every change of `Candidate.active`, so that the least loaded server is found without looking at all of them. */
export interface LoadWatcher {
  loadChanged(slot: number, active: number, before: number): void;
}

/**
 * Picks the server for each exchange. A picker is made for one set of candidates, and replaced when the set changes.
 * `pick` looks at each candidate a bounded number of times, allocates nothing and never throws; it returns undefined if none can be picked.
 */
export interface Picker<C extends Candidate> {
  /**
   * @param key hash of the part of the request that `hash` distributes by; other algorithms ignore it
   * @param tried candidates that this exchange has already failed on; never picked again
   */
  pick(key: number, tried: readonly C[]): C | undefined;
}

/**
 * Makes a picker. It starts at a random position, so that many balancers, or many changes of the set, do not favour the same servers.
 * `now` returns milliseconds (default: the machine's clock); only `ewma` uses it.
 */
export type PickerFactory = <C extends Candidate>(candidates: readonly C[], random: () => number, now?: () => number) => Picker<C>;

/** Says whether `candidate` can be picked for this exchange. */
export function eligible<C extends Candidate>(candidate: C, tried: readonly C[]): boolean {
  return candidate.available && (tried.length === 0 || !tried.includes(candidate));
}
