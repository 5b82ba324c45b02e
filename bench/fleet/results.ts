import type { Memory, Usage } from './meter.ts';
import type { Spread } from './spread.ts';

/** What a fleet run found. Times in milliseconds, from the moment of the order. */
export interface FleetResults {
  readonly gateways: number;
  readonly registry: RegistryKind;
  readonly machine: readonly string[];
  readonly date: Date;
  readonly storm: Storm;
  readonly rest: Usage;
  readonly memory: { readonly before: Memory; readonly after: Memory };
  readonly deploys: readonly Deploy[];
  readonly churn: Churn | undefined;
  readonly herd: Herd | undefined;
  /** Until all had left. */
  readonly leaving: Spread;
  readonly traffic: { readonly sent: number; readonly failed: number; readonly faults: readonly string[] };
}

export type RegistryKind = 'redis' | 'remote';

/** All gateways started at once. */
export interface Storm {
  /** The registry knows that it runs the snapshot. */
  readonly acknowledged: Spread;
  /** The balancer gives it traffic. */
  readonly inRotation: Spread;
  readonly usage: Usage;
}

/** One deploy to all. */
export interface Deploy {
  /** Until the admin API answered. */
  readonly answeredMs: number;
  readonly acknowledged: Spread;
  readonly usage: Usage;
}

/** Gateways that come and go. */
export interface Churn {
  readonly minutes: number;
  readonly joined: Spread;
  readonly left: Spread;
  readonly usage: Usage;
}

/** The registry was killed and came back, with what it had. Times from the moment at which it is back. */
export interface Herd {
  readonly awayMs: number;
  /** Until the balancer showed every gateway as ready, up, and current. */
  readonly convergedMs: number;
  readonly reconnected: Spread;
  readonly renewed: Spread;
  /** The most that reconnected within a tenth of a second. */
  readonly busiest: number;
  readonly usage: Usage;
}
