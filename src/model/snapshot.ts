import * as z from 'zod';
import { sha256 } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import { project } from './project.ts';
import { count } from './quantity.ts';
import { revisionNumber } from './revision.ts';

/** Identity of a snapshot. Two snapshots with the same id have the same content. */
export const snapshotId = z.object({
  /** Generated when a registry is first filled; a different epoch means different data. */
  epoch: z.string(),
  /** Rises by one with each change; 0 for an environment to which nothing was ever deployed. */
  version: count,
  hash: sha256,
});

const variables = z.record(z.string(), z.string());

/** The revision of a project that servers serve if they reject the deployed one. */
const fallback = z.object({
  revision: revisionNumber,
  project,
  /** Variables that it runs with; absent: those of the snapshot. */
  variables: variables.exactOptional(),
});

/** One project revision as deployed. */
export const deployedProject = z.object({
  name,
  revision: revisionNumber,
  project,
  /** Last revision that servers accepted before this one; absent if there is none. */
  fallback: fallback.exactOptional(),
});

/** Everything that an environment's servers need: complete, immutable, replaced as a whole. */
export const snapshot = snapshotId.extend({
  environment: name,
  variables,
  /** Sorted by name. */
  projects: z.array(deployedProject),
});

export type DeployedProject = Immutable<z.output<typeof deployedProject>>;
export type Snapshot = Immutable<z.output<typeof snapshot>>;
