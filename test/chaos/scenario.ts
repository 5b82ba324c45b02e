import type { Stage } from './stage.ts';
import type { StageOptions } from './stage-options.ts';

/** Times that a scenario measured, in milliseconds. */
export interface Times {
  /** From the event until the balancer acted upon it. */
  readonly detectMs?: number;
  /** From the event, or from the end of the outage, until the system was in its wanted state again. */
  readonly convergeMs?: number;
}

/** Something that happens to Sluice under load. No request may fail but those that were in flight at an event of `Stage.kill` or `Load.losing`. */
export interface Scenario {
  readonly name: string;
  readonly stage: StageOptions;
  /** True: the scenario is about gateway servers that are processes of their own, and not performed where balancers are the servers. */
  readonly apart?: true;
  /** True: the scenario waits most of its time, and its bar is wide. A run performs it beside another one that waits. */
  readonly waits?: true;
  /** Longest times that meet the bar, on a machine that others leave alone: see `Outcome.slowdown`. A time that is not listed is only measured. */
  readonly bar?: Times;
  /** Acts on a stage that is up and under load. Rejects if the stage does not end in its wanted state. */
  run(stage: Stage): Promise<Times>;
}

/** One line of the table. */
export interface Outcome extends Times {
  readonly name: string;
  readonly sent: number;
  readonly right: number;
  /** Requests that failed and were not in flight at a kill. */
  readonly failed: number;
  /** Requests that were in flight on a process when it was killed: POSTs, or all on clients' connections that it held. */
  readonly lost: number;
  /** Requests lost because the load generator itself had stood still. */
  readonly late: number;
  /** POSTs that the target carried out more than once. */
  readonly duplicated: number;
  /** Longest time without any right answer. */
  readonly longestGapMs: number;
  /** How many times longer everything takes that needs a processor, because others use the machine, too: the times of the bar are multiplied by it. */
  readonly slowdown: number;
  /** The scenario was not performed, because of this. */
  readonly missing?: string;
  /** Reasons why the bar was missed, one line each. */
  readonly faults: readonly string[];
}

/** Milliseconds since `begun`. */
export function since(begun: number): number {
  return performance.now() - begun;
}
