import type { ByRound } from './by-round.ts';
import type { Latency } from './constant-rate.ts';
import type { Availability } from './contender.ts';
import type { IdleCost } from './idle-clients.ts';
import type { StartCost } from './starting.ts';
import type { Timings } from './timing.ts';

/** Memory of idle clients by contender. */
export type IdleCosts = ReadonlyMap<string, IdleCost | { readonly failed: string }>;

/** Results of a run, or of its first rounds. */
export interface Results {
  /** Start of the run. */
  readonly date: Date;
  readonly machine: readonly string[];
  /** Rounds that were chosen, and those that are done. */
  readonly rounds: number;
  readonly done: number;
  /** Length of each measurement. */
  readonly seconds: number;
  /** Chosen contenders, with their version or the reason why they were not measured. */
  readonly field: ReadonlyMap<string, Availability>;
  readonly timings: Timings;
  /** Latencies under half of the load that HAProxy can carry. */
  readonly latencies: ByRound<Latency>;
  /** Costs of the first requests after a start. */
  readonly starts: ByRound<StartCost>;
  readonly idle: IdleCosts;
  /** The same for clients that connect over TLS. */
  readonly idleTls: IdleCosts;
  /** Nanoseconds by algorithm, one value for each number of servers; empty if not measured. */
  readonly picking: ReadonlyMap<string, readonly number[]>;
  /** Nanoseconds by share of projects in use, one value for each number of projects; empty if not measured. */
  readonly finding: ReadonlyMap<string, readonly number[]>;
}
