import type { Availability } from './contender.ts';
import type { IdleCost } from './idle-clients.ts';
import type { Timings } from './timing.ts';

/** Memory of idle clients by contender. */
export type IdleCosts = ReadonlyMap<string, IdleCost | { readonly failed: string }>;

/** Results of a run. */
export interface Results {
  /** Start of the run. */
  readonly date: Date;
  readonly machine: readonly string[];
  readonly rounds: number;
  /** Length of each measurement. */
  readonly seconds: number;
  /** Chosen contenders, with their version or the reason why they were not measured. */
  readonly field: ReadonlyMap<string, Availability>;
  readonly timings: Timings;
  readonly idle: IdleCosts;
  /** The same for clients that connect over TLS. */
  readonly idleTls: IdleCosts;
  /** Nanoseconds by algorithm, one value for each number of servers; empty if not measured. */
  readonly picking: ReadonlyMap<string, readonly number[]>;
  /** Nanoseconds by share of projects in use, one value for each number of projects; empty if not measured. */
  readonly finding: ReadonlyMap<string, readonly number[]>;
}
