import type { SnapshotId } from './snapshot-id.ts';

/** How far a server is with one project of its snapshot. */
export interface ProjectState {
  readonly name: string;
  /** The revision that answers requests; 0 if none does. */
  readonly revision: number;
  /** `rejected`: the snapshot's revision could not be applied and an earlier one, or none, goes on. */
  readonly state: 'active' | 'rejected';
  /** Why it was rejected. */
  readonly error?: string;
}

/** How a server came to be known. */
export type ServerSource = 'join' | 'http' | 'static';

/** What the registry holds of one gateway server. */
export interface ServerRecord {
  /** Stable over restarts. */
  readonly id: string;
  /** New at each start. */
  readonly instance: string;
  /** The environment it belongs to; none: it is available. */
  readonly environment?: string;
  /**
   * Where it is to go once drained: a name, or null for none (it becomes available).
   * Absent when it is not on the move.
   */
  readonly movingTo?: string | null;
  readonly address: string;
  readonly weight: number;
  /** An operator's wish: finish what is in flight and take nothing new. */
  readonly draining: boolean;
  /** The server's own word that it is about to leave. */
  readonly leaving: boolean;
  readonly source: ServerSource;
  /** Version of the program, for people. */
  readonly version: string;
  /** The snapshot it answers from; absent before the first was applied. */
  readonly running?: SnapshotId;
  readonly projects: readonly ProjectState[];
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  /** Length of its lease in milliseconds: it renews before this has passed. */
  readonly ttl: number;
}

/**
 * A record with what only the registry's own clock can tell. That clock also runs while nobody can reach the registry, and
 * no lease can be renewed then: whoever acts on an ended lease first allows a whole `ttl` from `Registry.link.since`.
 */
export interface LeasedServer extends ServerRecord {
  /** Milliseconds until the lease ends; negative once it has. */
  readonly leaseRemaining: number;
}

/** Whether it should be given new requests, as far as the registry knows. */
export function acceptsTraffic(server: ServerRecord): boolean {
  return server.environment !== undefined && server.movingTo === undefined && !server.draining && !server.leaving;
}
