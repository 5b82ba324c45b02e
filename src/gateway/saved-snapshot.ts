import type { ServedSettings } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import type { SavedProject } from './saved-project.ts';

/** The snapshot that a gateway runs, without the contents of revisions. */
export interface SavedSnapshot extends ServedSettings {
  readonly id: SnapshotId;
  readonly environment: string;
  /** By name. Changes in place. */
  readonly projects: Map<string, SavedProject>;
}

/** Hashes of the contents that a project needs. */
export function hashesOf({ hash, fault, fallback }: SavedProject): readonly string[] {
  return [...(fault === undefined ? [hash] : []), ...(fallback === undefined ? [] : [fallback.hash])];
}
