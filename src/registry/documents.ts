import * as z from 'zod';
import { type EnvironmentSpecInput, environmentSpec } from '../model/environment.ts';
import { project } from '../model/project.ts';
import { address, name } from '../model/quantity.ts';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** @see SnapshotId */
export const snapshotId = z.object({ epoch: z.string(), version: count, hash: sha256 });

/** @see Snapshot */
export const snapshot = snapshotId.extend({
  environment: name,
  variables: z.record(z.string(), z.string()),
  projects: z.array(z.object({ name, revision: z.int().min(1), project })),
});

/** @see ProjectState */
export const projectState = z.object({
  name,
  revision: count,
  state: z.enum(['active', 'rejected']),
  error: z.string().max(2000).exactOptional(),
});

/** @see ServerRecord */
export const serverRecord = z.object({
  id: name,
  instance: z.string().min(1).max(100),
  environment: name.exactOptional(),
  movingTo: name.nullable().exactOptional(),
  address,
  weight: z.int().min(0).max(65535),
  draining: z.boolean(),
  leaving: z.boolean(),
  source: z.enum(['join', 'http', 'static']),
  version: z.string().max(100),
  running: snapshotId.exactOptional(),
  projects: z.array(projectState),
  startedAt: z.number(),
  ttl: z.int().min(1).max(3_600_000),
});

const deployment = z.object({
  name,
  revision: z.int().min(1),
  /** Kept here, so that base paths are compared without reading the projects. */
  basePath: z.string(),
  /** Revisions that were deployed here before, the latest last. */
  history: z.array(z.int().min(1)),
});

/** One project revision in an environment, as it is stored. */
export type Deployment = z.output<typeof deployment>;

/** Checks an operator's words again whenever they are read, so that new defaults apply. */
const operatorsWords = z.unknown().transform((input, context) => {
  const spec = environmentSpec.safeParse(input);
  if (spec.success) return { input: input as EnvironmentSpecInput, spec: spec.data };
  for (const { path, message } of spec.error.issues) context.issues.push({ code: 'custom', path, message, input: undefined });
  return z.NEVER;
});

const environment = z
  .object({
    input: operatorsWords,
    version: count,
    hash: sha256,
    deployments: z.array(deployment),
    /** Of what was given back to it, until anything is deployed or undeployed. */
    restored: z.object({ epoch: z.string(), version: count }).exactOptional(),
  })
  .transform(({ input, ...rest }) => ({ ...rest, ...input }));

const projectIndex = z.object({
  latest: z.int().min(1),
  revisions: z.array(z.object({ revision: z.int().min(1), version: z.string(), hash: sha256, createdAt: z.number() })).min(1),
  /** All of them were given back; nobody has pushed one since. */
  restored: z.literal(true).exactOptional(),
});

const revision = z.object({ project, hash: sha256, createdAt: z.number() });

const assignment = z.object({ environment: name.exactOptional(), weight: z.int().min(0).max(65535).exactOptional() });

/** What each kind of document holds. What is read back is untrusted: anybody can write to Redis or a file. */
export const documentSchemas = { environment, project: projectIndex, revision, assignment, server: serverRecord } as const;

/** The checked value of a document. */
export type DocumentOf<K extends keyof typeof documentSchemas> = z.output<(typeof documentSchemas)[K]>;
export type EnvironmentDocument = DocumentOf<'environment'>;

/** The name of a revision's document. */
export function revisionName(projectName: string, number: number): string {
  return `${projectName}@${number}`;
}

/** @see News */
export const newsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['environment', 'project']), name: z.string() }),
  z.object({ kind: z.literal('server'), name: z.string(), own: z.literal(true).exactOptional() }),
  z.object({ kind: z.literal('snapshot'), name: z.string(), version: count }),
  z.object({ kind: z.literal('resync') }),
]);
