import * as z from 'zod';
import { contentHash, sha256 } from '../model/content-hash.ts';
import type { Immutable } from '../model/immutable.ts';
import { name } from '../model/name.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { Project } from '../model/project.ts';
import { revisionNumber } from '../model/revision.ts';
import type { DeployedProject, ServedSettings } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';

/** A deployed project without its contents, which are found by their hash. */
export const savedProject = z.object({
  name,
  revision: revisionNumber,
  hash: sha256,
  /** The revision to serve if the deployed one is rejected. */
  fallback: z
    .object({
      revision: revisionNumber,
      hash: sha256,
      /** Variables that it runs with; absent: those of the environment. */
      variables: z.record(z.string(), z.string()).exactOptional(),
    })
    .exactOptional(),
  /** Why the deployed revision cannot be served; it then has no contents. */
  fault: z.string().exactOptional(),
});

export type SavedProject = Immutable<z.output<typeof savedProject>>;

/** A change of what a gateway runs, to be saved: what is deployed, with what is served of each rejected project as its fallback. */
export interface SavedChange extends SnapshotId, ServedSettings {
  /** The snapshot that it changes; absent: the change replaces everything. */
  readonly from?: SnapshotId;
  readonly environment: string;
  readonly put: readonly SavedProject[];
  readonly removed: readonly string[];
  /** Contents that may not be saved yet, by hash. */
  readonly contents: ReadonlyMap<string, Project>;
}

/** Identity of a snapshot that lacks contents. It is that of no snapshot, so that the registry sends what is missing. */
export function incomplete({ epoch }: { readonly epoch: string }): SnapshotId {
  return { epoch, version: 0, hash: '0'.repeat(64) };
}

/** Contents in an update, by hash; those of a revision with a fault are a stand-in. */
export function* contentsInPieces(put: readonly DeployedProject[]): Pieces<Map<string, Project>> {
  const contents = new Map<string, Project>();
  for (const { project, fault, fallback, hash } of put) {
    if (fault === undefined) contents.set(hash ?? contentHash(project), project);
    if (fallback !== undefined) contents.set(fallback.hash ?? contentHash(fallback.project), fallback.project);
    yield;
  }
  return contents;
}

/** A deployed project without its contents. */
export function withoutContents({ name, revision, hash, project, fallback, fault }: DeployedProject): SavedProject {
  const earlier = fallback && {
    revision: fallback.revision,
    hash: fallback.hash ?? contentHash(fallback.project),
    ...(fallback.variables && { variables: fallback.variables }),
  };
  const rest = { ...(earlier && { fallback: earlier }), ...(fault !== undefined && { fault }) };
  return { name, revision, hash: hash ?? contentHash(project), ...rest };
}

/** The change that saves an update as the registry sent it. */
export function savedChange(update: SnapshotUpdate): SavedChange {
  return { ...update, put: update.put.map(withoutContents), contents: atOnce(contentsInPieces(update.put)) };
}
