import type { PeakEwma } from './peak-ewma.ts';

/** What an algorithm needs to know of a server; live objects satisfy it as they are. */
export interface Candidate {
  readonly id: string;
  /** 0: gets nothing. Read when a picker is made. */
  readonly weight: number;
  /** Exchanges in flight. Every change is told to `watcher`. */
  readonly active: number;
  /** May take one more exchange right now: not at its connection limit. */
  readonly available: boolean;
  /** How fast it has answered of late; only `ewma` looks at it. */
  readonly latency?: PeakEwma | undefined;
  /** The picker that keeps an index of loads, if it does. A candidate is in the hands of one picker at a time. */
  watcher: LoadWatcher | undefined;
  /** Where `watcher` keeps it; meaningless to everybody else. */
  slot: number;
}

/** Hears of every change of `Candidate.active`, so that nobody need look at all servers to find the least loaded one. */
export interface LoadWatcher {
  loadChanged(slot: number, active: number, before: number): void;
}

/**
 * Who is next. A picker is made for one set of candidates and thrown away with it.
 * Total and bounded: one pass at most, no allocation, `undefined` when nobody can be picked.
 */
export interface Picker<C extends Candidate> {
  /**
   * @param key hash of what the request is told apart by; only `hash` looks at it
   * @param tried candidates that failed this exchange already; never picked again
   */
  pick(key: number, tried: readonly C[]): C | undefined;
}

/**
 * Makes a picker. It starts at a random place, so that neither many balancers nor many changes of the set favour anybody.
 * `now` tells milliseconds (default: the machine's clock); only `ewma` asks.
 */
export type PickerFactory = <C extends Candidate>(candidates: readonly C[], random: () => number, now?: () => number) => Picker<C>;

/** Whether `candidate` may have this exchange. */
export function eligible<C extends Candidate>(candidate: C, tried: readonly C[]): boolean {
  return candidate.available && (tried.length === 0 || !tried.includes(candidate));
}
