import type { Memory, Usage } from './meter.ts';
import type { Spread } from './spread.ts';

/** Results of a fleet run. Times are in milliseconds from the order. */
export interface FleetResults {
  readonly gateways: number;
  readonly projects: number;
  /** Number of gateways that held all projects; the others held only the one that the deploys change. */
  readonly whole: number;
  /** All gateways started at the same moment, and each read everything that was deployed. */
  readonly cold: boolean;
  readonly registry: RegistryKind;
  readonly machine: readonly string[];
  readonly date: Date;
  readonly storm: Storm;
  readonly rest: Usage;
  readonly memory: { readonly before: Memory; readonly after: Memory };
  readonly deploys: readonly Deploy[];
  readonly churn: Churn | undefined;
  readonly herd: Herd | undefined;
  /** Time until each gateway had left. */
  readonly leaving: Spread;
  readonly traffic: { readonly sent: number; readonly failed: number; readonly faults: readonly string[] };
}

export type RegistryKind = 'redis' | 'remote';

/** All gateways started at once. */
export interface Storm {
  /** Time until the registry had each gateway's acknowledgement of the snapshot. */
  readonly acknowledged: Spread;
  /** Time until the balancer sent traffic to each gateway. */
  readonly inRotation: Spread;
  readonly usage: Usage;
}

/** One deploy to all gateways. */
export interface Deploy {
  /** Time until the admin API answered. */
  readonly answeredMs: number;
  readonly acknowledged: Spread;
  readonly usage: Usage;
}

/** Gateways that join and leave under load. */
export interface Churn {
  readonly minutes: number;
  readonly joined: Spread;
  readonly left: Spread;
  readonly usage: Usage;
}

/** Restart of Redis, with its data. Times are from the moment when it accepts connections again. */
export interface Herd {
  readonly awayMs: number;
  /** Time until the balancer showed every gateway as ready, up and current. */
  readonly convergedMs: number;
  readonly reconnected: Spread;
  readonly renewed: Spread;
  /** Largest number of gateways that reconnected within a tenth of a second. */
  readonly busiest: number;
  readonly usage: Usage;
}
