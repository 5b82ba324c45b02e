/** Settings of all gateways in a process. */
export interface GatewayProcessSettings {
  /** URL of the registry, as for `sluice gateway --join`. */
  readonly join: string;
  readonly token: string;
  readonly environment: string;
  /** Holds the snapshot files of the gateways. */
  readonly folder: string;
  /** Gateways that do not hold all projects read them nevertheless. */
  readonly readsAll: boolean;
}

/** Message to a process with gateways. */
export type Order =
  /** Of gateways that are `whole`, each holds all projects; another holds only those that are deployed after it has joined, and one more. */
  | { readonly order: 'start'; readonly ids: readonly string[]; readonly whole: boolean }
  | { readonly order: 'leave'; readonly ids: readonly string[] }
  /** Makes each gateway report its next renewal, even with the same version. */
  | { readonly order: 'mark' }
  | { readonly order: 'count' };

/** Message from a process with gateways. Times are wall-clock milliseconds with fractions. */
export type Report =
  /** The process can take orders. */
  | { readonly report: 'waiting' }
  /** The registry has accepted a renewal with this running version. Sent when the version has changed, and once after each `mark`. */
  | { readonly report: 'renewed'; readonly id: string; readonly version: number; readonly at: number }
  /** The gateway has reconnected to the registry. */
  | { readonly report: 'resynced'; readonly id: string; readonly at: number }
  | { readonly report: 'left'; readonly id: string; readonly at: number }
  | { readonly report: 'failed'; readonly id: string; readonly reason: string }
  | ({ readonly report: 'counted' } & Counts);

/** Counts of the gateways in a process, since its start. */
export interface Counts {
  /** Answered calls of the registry. */
  readonly calls: number;
  /** Received news. */
  readonly news: number;
}
