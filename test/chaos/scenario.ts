import type { Stage, StageOptions } from './stage.ts';

/** What a scenario measured, in milliseconds. */
export interface Findings {
  /** From the event until the balancer acted upon it. */
  readonly detectMs?: number;
  /** From the event, or the end of the trouble, until everything was as it should be. */
  readonly convergeMs?: number;
}

/** Something that happens under load, and the bar that it is held against. */
export interface Scenario {
  readonly name: string;
  readonly stage: StageOptions;
  /**
   * Failed requests that are allowed: POSTs in flight on a server that died or hung, which must not be sent twice; or, when what died
   * held the clients' own connections, any in flight. At most one a client, each of the `times` that it happens (default 1). Default: none.
   */
  readonly mayFail?: { readonly inFlight: 'posts' | 'any'; readonly times?: number };
  /** The slowest that is allowed; what isn't named is only measured. */
  readonly bar?: Findings;
  /** Everything runs, is warm and under load. Rejects if it doesn't end as it should. */
  run(stage: Stage): Promise<Findings>;
}

/** One line of the table. */
export interface Outcome extends Findings {
  readonly name: string;
  readonly sent: number;
  readonly right: number;
  readonly failed: number;
  /** Lost because the load itself had stood still. */
  readonly late: number;
  /** POSTs that the target carried out more than once. */
  readonly duplicated: number;
  /** Longest time without any right answer. */
  readonly longestGapMs: number;
  /** Why the bar was missed, one line each. */
  readonly faults: readonly string[];
}

/** Milliseconds since `begun`. */
export function since(begun: number): number {
  return performance.now() - begun;
}
