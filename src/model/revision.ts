import * as z from 'zod';
import { sha256 } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import { project } from './project.ts';
import { count } from './quantity.ts';

/** Number of a project's revision: from 1, rising by one with each upload. */
export const revisionNumber = z.int().min(1);

/** An immutable, numbered upload of a project. */
export const revision = z.object({
  name,
  revision: revisionNumber,
  /** SHA-256 of the canonical content, so that an upload of the same content makes no new revision. */
  hash: sha256,
  /** Wall-clock milliseconds. */
  createdAt: z.number(),
  project,
});

/** A project without its contents. */
export const projectSummary = z.object({
  name,
  /** Number of the newest revision. */
  latest: revisionNumber,
  /** Revisions that are kept, oldest first. `version` is the author's label. */
  revisions: z
    .array(
      z.object({
        revision: revisionNumber,
        version: z.string(),
        hash: sha256,
        createdAt: z.number(),
        /** Octets that the registry keeps of it; absent from older versions. */
        octets: count.exactOptional(),
      }),
    )
    .min(1),
});

export type Revision = Immutable<z.output<typeof revision>>;
export type ProjectSummary = Immutable<z.output<typeof projectSummary>>;
