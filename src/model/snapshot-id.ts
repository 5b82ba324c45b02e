import type * as z from 'zod';
import type { snapshotId } from './snapshot.ts';

/** Identity of an environment's {@link Snapshot}. This file imports types only: the dashboard's bundle has no schemas. */
export type SnapshotId = Readonly<z.output<typeof snapshotId>>;

/** True if both are the same snapshot: same registry, same version, same content. */
export function sameSnapshot(one: SnapshotId | null | undefined, other: SnapshotId | null | undefined): boolean {
  return one?.epoch === other?.epoch && one?.version === other?.version && one?.hash === other?.hash;
}

/** The identity alone, of something that has more. */
export function idOf({ epoch, version, hash }: SnapshotId): SnapshotId {
  return { epoch, version, hash };
}
