import type { DeployedProject, Snapshot } from './snapshot.ts';
import type { SnapshotId } from './snapshot-id.ts';

/**
 * The step to a snapshot from the one before it. It holds only the projects that changed, so that its size does not depend on how many are deployed.
 * Without `from` it is a whole snapshot: every project that it does not name is removed.
 */
export interface SnapshotUpdate extends SnapshotId {
  /** The snapshot of the same environment that the update changes; absent: the update is whole. */
  readonly from?: SnapshotId;
  readonly environment: string;
  /** All variables of the environment, changed or not. */
  readonly variables: Snapshot['variables'];
  readonly underscores?: NonNullable<Snapshot['underscores']>;
  readonly serverTls?: NonNullable<Snapshot['serverTls']>;
  /** Projects that are new, or have another revision, fallback or fault. */
  readonly put: readonly DeployedProject[];
  /** Names of projects that are no longer deployed. */
  readonly removed: readonly string[];
}

/** The update that replaces everything by this snapshot. */
export function wholeUpdate({ projects, ...snapshot }: Snapshot): SnapshotUpdate {
  return { ...snapshot, put: projects, removed: [] };
}
