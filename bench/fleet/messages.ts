/** How the gateways of a {@link HolderSettings.join registry} are to be started. */
export interface HolderSettings {
  /** As `sluice gateway --join` takes it. */
  readonly join: string;
  readonly token: string;
  readonly environment: string;
  /** For the gateways' last good snapshots. */
  readonly folder: string;
}

/** What a holder is told. */
export type Order =
  | { readonly order: 'start' | 'leave'; readonly ids: readonly string[] }
  /** Tell of the next renewal of each gateway, even if nothing is new. */
  | { readonly order: 'mark' }
  | { readonly order: 'count' };

/** What a holder tells; times are wall-clock milliseconds with fractions. */
export type Report =
  /** Able to take orders. */
  | { readonly report: 'waiting' }
  /**
   * The registry has accepted this gateway's word that it runs that version. Told when the version is another one than
   * before, and once after each `mark`.
   */
  | { readonly report: 'renewed'; readonly id: string; readonly version: number; readonly at: number }
  /** Its connection to the registry was lost and is there again. */
  | { readonly report: 'resynced'; readonly id: string; readonly at: number }
  | { readonly report: 'left'; readonly id: string; readonly at: number }
  | { readonly report: 'failed'; readonly id: string; readonly reason: string }
  | ({ readonly report: 'counted' } & Counts);

/** What this holder's gateways did since they were started. */
export interface Counts {
  /** Calls of the registry that were answered. */
  readonly calls: number;
  /** News heard. */
  readonly news: number;
}
