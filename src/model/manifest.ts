import * as z from 'zod';
import { sha256 } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import { count } from './quantity.ts';
import { revision, revisionNumber } from './revision.ts';
import { serverTls, snapshotId, underscores, variables } from './snapshot.ts';

/** Content hash of a revision; absent if a version that did not store it made the deployment. */
const hash = sha256.exactOptional();

/** One deployment without the contents of its revisions. */
export const manifestEntry = z.object({
  name,
  revision: revisionNumber,
  hash,
  basePath: z.string(),
  /** Version of the environment's snapshot since which the revision is deployed; absent if an older version of Sluice made the deployment. */
  since: count.exactOptional(),
  /** Last revision that servers accepted before this one; absent if there is none. */
  fallback: z.object({ revision: revisionNumber, hash }).exactOptional(),
  /** Why the deployment cannot be served: its document is damaged. */
  fault: z.string().exactOptional(),
});

/**
 * The deployments of an environment without contents, or what changed in them since the snapshot `from`. Contents are asked for by revision, so
 * that one which the reader has is never sent again.
 */
export const manifest = snapshotId.extend({
  from: snapshotId.exactOptional(),
  environment: name,
  variables,
  underscores,
  serverTls,
  /** All deployments, sorted by name; with `from`, the new and the changed ones. */
  put: z.array(manifestEntry),
  /** Names of projects that are not deployed any more since `from`. */
  removed: z.array(name),
});

/** A revision of which the contents are wanted. */
export const revisionId = revision.pick({ name: true, revision: true }).extend({ hash });

/** Contents of a revision as they were written, by any version. `fault` says why there are none. */
export const revisionContent = revisionId.extend({ project: z.unknown().optional(), fault: z.string().exactOptional() });

/** Revisions whose contents can be asked for at once. */
export const mostRevisionsAsked = 100;

export type ManifestEntry = Immutable<z.output<typeof manifestEntry>>;
export type Manifest = Immutable<z.output<typeof manifest>>;
export type RevisionContent = Immutable<z.output<typeof revisionContent>>;
export type RevisionId = Immutable<z.output<typeof revisionId>>;
