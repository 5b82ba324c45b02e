import * as z from 'zod';
import { examine } from '../config/check.ts';
import { sha256 } from '../model/content-hash.ts';
import { type EnvironmentSpecInput, environmentSpec } from '../model/environment.ts';
import { name } from '../model/name.ts';
import { weight } from '../model/quantity.ts';
import { projectSummary, revision, revisionNumber } from '../model/revision.ts';
import { serverRecord } from '../model/server.ts';
import { snapshotId } from '../model/snapshot.ts';

const { epoch, version } = snapshotId.shape;

const deployment = z.object({
  name,
  revision: revisionNumber,
  /** Kept here, so that base paths are compared without reading the projects. */
  basePath: z.string(),
  /** Revisions that were deployed before this one, the latest last. */
  history: z.array(revisionNumber),
  /** Last revision that servers accepted before this one, for servers that reject this one. */
  fallback: revisionNumber.exactOptional(),
});

/** One project revision in an environment, as it is stored. */
export type Deployment = z.output<typeof deployment>;

/** An environment's settings as the operator wrote them. They are parsed whenever they are read, so that new defaults apply. */
const writtenSpec = z.unknown().transform((input, context) => {
  const { value, faults } = examine(input, environmentSpec);
  if (value !== undefined) return { input: input as EnvironmentSpecInput, spec: value };
  for (const { path, message } of faults) context.issues.push({ code: 'custom', path: [...path], message, input: undefined });
  return z.NEVER;
});

const environment = z
  .object({
    input: writtenSpec,
    version,
    hash: sha256,
    deployments: z.array(deployment),
    /** Id of the snapshot that was restored here; absent once anything is deployed or undeployed. */
    restored: z.object({ epoch, version }).exactOptional(),
    /** Ids of static servers that an operator has drained. */
    drained: z.array(name).exactOptional(),
  })
  .transform(({ input, ...rest }) => ({ ...rest, ...input }));

const projectIndex = projectSummary.omit({ name: true }).extend({
  /** All revisions were restored; none was pushed since. */
  restored: z.literal(true).exactOptional(),
});

/** The environment to which an operator assigned a server, and the weight set for the server. */
const assignment = z.object({ environment: name.exactOptional(), weight: weight.exactOptional() });

/** Schema of each kind of document. Documents are untrusted when read back: other programs can write to Redis or to the file. */
export const documentSchemas = {
  environment,
  project: projectIndex,
  revision: revision.omit({ name: true, revision: true }),
  assignment,
  server: serverRecord,
} as const;

/** The checked value of a document. */
export type DocumentOf<K extends keyof typeof documentSchemas> = z.output<(typeof documentSchemas)[K]>;
export type EnvironmentDocument = DocumentOf<'environment'>;

/** Name of a revision's document. */
export function revisionName(projectName: string, number: number): string {
  return `${projectName}@${number}`;
}
