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

/** Why a revision cannot be served although it is deployed: it is lost, or was written by a newer version. `project` is then a stand-in. */
const fault = z.string().exactOptional();

/** An environment's variables, by name. */
export const variables = z.record(z.string(), z.string());

/** `underscores` of an environment, for the servers' own listeners; absent: drop. */
export const underscores = z.enum(['reject', 'keep']).exactOptional();

/**
 * `serverTls` of an environment. Absent: an older version wrote the environment, so that balancers may exist that know only plain connections.
 * No part of the snapshot's hash, because it changes nothing that is served.
 */
export const serverTls = z.enum(['auto', 'on', 'off']).exactOptional();

/** Content hash of a revision, as the registry stores it; absent from versions that came before it. */
const hash = sha256.exactOptional();

/** The revision of a project that servers serve if they reject the deployed one. */
const fallback = z.object({
  revision: revisionNumber,
  hash,
  project,
  /** Variables that it runs with; absent: those of the snapshot. */
  variables: variables.exactOptional(),
});

/** One project revision as deployed. */
export const deployedProject = z.object({
  name,
  revision: revisionNumber,
  hash,
  project,
  /** Last revision that servers accepted before this one; absent if there is none. */
  fallback: fallback.exactOptional(),
  fault,
});

/** A deployed project from another process, which may be of a newer version. A project that is not understood gets a `fault`, and harms no other. */
export const receivedProject = z
  .object({ name, revision: revisionNumber, hash, project: z.unknown(), fallback: z.unknown().optional(), fault })
  .transform(({ project: given, fallback: earlier, ...deployed }): z.output<typeof deployedProject> => {
    const { data: known } = fallback.safeParse(earlier);
    const withFallback = known === undefined ? {} : { fallback: known };
    const { success, data, error } = project.safeParse(given);
    if (success) return { ...deployed, project: data, ...withFallback };
    return { ...unservable(deployed, notUnderstood(error)), ...withFallback };
  });

/** Says why a project from another process cannot be served. */
export function notUnderstood({ issues }: z.ZodError): string {
  const [{ path, message } = { path: [], message: '' }] = issues;
  return `it is damaged or was written for a newer Sluice (${[...path, message].map(String).join(': ')}): update this Sluice`;
}

/** Everything that an environment's servers need: complete, immutable, replaced as a whole. */
export const snapshot = snapshotId.extend({
  environment: name,
  variables,
  underscores,
  serverTls,
  /** Sorted by name. */
  projects: z.array(deployedProject),
});

/** A {@link snapshot} from another process or from disk. */
export const receivedSnapshot = snapshot.extend({ projects: z.array(receivedProject) });

/**
 * Makes the deployment of a revision whose content is not available. The stand-in uses a variable that no environment has, so that servers
 * of versions that do not know `fault` reject it as well, and keep what they run.
 */
export function unservable(
  { name, revision }: { name: string; revision: number },
  fault: string,
  basePath = `/${name}`,
): z.output<typeof deployedProject> {
  const standIn = project.parse({
    name,
    basePath,
    targets: { default: { url: 'http://${variables.content_of_this_revision_is_missing}' } },
  });
  return { name, revision, project: standIn, fault: `revision ${revision} of project "${name}" cannot be served: ${fault}` };
}

/** Picks the settings that servers need from a snapshot, or from what leads to one. */
export function settingsOf({ variables, underscores, serverTls }: ServedSettings): ServedSettings {
  return { variables, ...(underscores && { underscores }), ...(serverTls && { serverTls }) };
}

/** Settings of an environment that its servers need. */
export type ServedSettings = Pick<Snapshot, 'variables' | 'underscores' | 'serverTls'>;
export type DeployedProject = Immutable<z.output<typeof deployedProject>>;
export type Snapshot = Immutable<z.output<typeof snapshot>>;
