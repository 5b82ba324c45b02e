import type { Availability } from './contender.ts';
import type { IdleCost } from './idle-clients.ts';
import type { Timings } from './timing.ts';

/** Everything a run found out. */
export interface Results {
  /** When it began. */
  readonly date: Date;
  readonly machine: readonly string[];
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  /** Those asked for: version, or why they are not in it. */
  readonly field: ReadonlyMap<string, Availability>;
  readonly timings: Timings;
  readonly idle: ReadonlyMap<string, IdleCost | { readonly failed: string }>;
  /** Nanoseconds by algorithm, one a count of servers; empty if not measured. */
  readonly picking: ReadonlyMap<string, readonly number[]>;
  /** Nanoseconds by who is asked for, one a count of projects; empty if not measured. */
  readonly finding: ReadonlyMap<string, readonly number[]>;
}
