import * as z from 'zod';
import { examine } from '../config/check.ts';
import { callerNode, consumerBucket, productList } from '../model/caller-tree.ts';
import { sha256 } from '../model/content-hash.ts';
import { type EnvironmentSpec, type EnvironmentSpecInput, environmentSpec } from '../model/environment.ts';
import { manifestEntry } from '../model/manifest.ts';
import { name } from '../model/name.ts';
import { count, weight } from '../model/quantity.ts';
import { projectSummary, revision, revisionNumber } from '../model/revision.ts';
import { type ServerRecord, serverRecord } from '../model/server.ts';
import { snapshotId } from '../model/snapshot.ts';
import { withoutUnknownKeys } from './without-unknown-keys.ts';

const { epoch, version } = snapshotId.shape;

// Loose: a change of one deployment keeps what a newer version has written about the others.
const deployment = z.looseObject({
  name,
  revision: revisionNumber,
  /** Kept here, so that base paths are compared without reading the projects. */
  basePath: z.string(),
  /** Revisions that were deployed before this one, the latest last. */
  history: z.array(revisionNumber),
  /** Last revision that servers accepted before this one, for servers that reject this one. */
  fallback: revisionNumber.exactOptional(),
  /** Content hashes of the two revisions, and the environment's version since which this one is deployed. Absent from older versions. */
  hash: sha256.exactOptional(),
  fallbackHash: sha256.exactOptional(),
  since: version.exactOptional(),
});

/** One project revision in an environment, as it is stored. */
export type Deployment = z.output<typeof deployment>;

/**
 * An environment's settings as the operator wrote them. They are parsed whenever they are read, so that new defaults apply. Keys that a newer
 * version has added are left out of `spec` and named by `unread`; `input` keeps them.
 */
const writtenSpec = z.unknown().transform((input, context) => {
  const checked = typeof input === 'object' && input !== null ? checkedSpecs.get(input) : undefined;
  if (checked !== undefined) return { input: input as EnvironmentSpecInput, spec: checked };
  const { known, unknown } = withoutUnknownKeys(environmentSpec, input);
  const { value, faults } = examine(known, environmentSpec);
  if (value !== undefined)
    return { input: input as EnvironmentSpecInput, spec: value, ...(unknown.length > 0 && { unknownKeys: unknown }) };
  for (const { path, message } of faults) context.issues.push({ code: 'custom', path: [...path], message, input: undefined });
  return z.NEVER;
});

/** Settings that have been checked, by what was written. */
const checkedSpecs = new WeakMap<object, EnvironmentSpec>();

/** Notes that written settings have been checked, and understood entirely: they are not checked again when their document is read. */
export function noteCheckedSpec(written: object, spec: EnvironmentSpec): void {
  checkedSpecs.set(written, spec);
}

const environmentDocument = z.object({
  input: writtenSpec,
  version,
  hash: sha256,
  /**
   * All deployments, sorted by name; or absent, if there are or were so many that each has a document of its own. Then `deployed` counts them.
   * Versions that know no such documents cannot read the environment then, and keep what they have.
   */
  deployments: z.array(deployment).exactOptional(),
  deployed: count.exactOptional(),
  /** Redis evicted the deployments: they may be restored. */
  lost: z.literal(true).exactOptional(),
  /** Id of the snapshot that was restored here; absent once anything is deployed or undeployed. */
  restored: z.object({ epoch, version }).exactOptional(),
  /** Ids of static servers that an operator has drained. */
  drained: z.array(name).exactOptional(),
  /** The environment was created, or given `serverTls`, by a version that knows TLS between balancers and servers. Older versions drop this key. */
  decidesTls: z.literal(true).exactOptional(),
});

const environment = environmentDocument
  .refine(({ deployments, deployed }) => deployments !== undefined || deployed !== undefined, 'deployments are missing')
  .transform(({ input: { unknownKeys, ...settings }, ...rest }) => ({
    ...rest,
    ...settings,
    ...(unknownKeys && { unread: newerSettings(unknownKeys) }),
  }));

function newerSettings(unknownKeys: readonly string[]): string {
  const keys = `unknown key${unknownKeys.length === 1 ? '' : 's'} ${unknownKeys.map((key) => `"${key}"`).join(', ')}`;
  return `its settings were written by a newer Sluice (${keys}): this version keeps to the settings that it knows. Update this Sluice`;
}

const projectIndex = projectSummary.omit({ name: true }).extend({
  /** All revisions were restored; none was pushed since. */
  restored: z.literal(true).exactOptional(),
  /** Greatest number that a revision ever had, if that one was deleted. */
  used: revisionNumber.exactOptional(),
});

/** The environment to which an operator assigned a server, and the weight set for the server. */
const assignment = z.object({ environment: name.exactOptional(), weight: weight.exactOptional() });

/** An environment's settings as last applied from a configuration file. */
const applied = z.object({ input: z.record(z.string(), z.unknown()) });

/** The project that has a base path in an environment. */
const claim = z.object({ project: name });

/** One change of what an environment's servers run: a project's deployment, its removal, or neither if the variables changed. */
const change = z.object({
  version,
  /** Hash of the snapshot before the change. */
  from: sha256,
  hash: sha256,
  put: manifestEntry.exactOptional(),
  removed: name.exactOptional(),
});

/** A secret as it is stored: sealed by keys that the registry does not have, beside what every reader may know. */
const secret = z.object({ sealed: z.string().min(1), clear: z.string().exactOptional() });

/** The program that registered a server, as far as known. Only the registry's rules read this: it is part of no answer. */
const holder = z.object({
  /** SHA-256 digest of its lease secret. */
  secret: sha256.exactOptional(),
  /** Address that it registered from, through a balancer. */
  from: z.string().max(100).exactOptional(),
  /** The only environment that its token is for. */
  environment: name.exactOptional(),
});

/** Consumers by the digests of their keys, so that no key identifies two. */
const keyOwners = z.object({ owners: z.record(sha256, name) });

/** A node of the tree of callers; that above the root also names the epoch of the lost data that was restored here last. */
const callers = callerNode.extend({ restored: z.string().exactOptional() });

const server = serverRecord.extend({ holder: holder.exactOptional() });

export type Holder = z.output<typeof holder>;
/** A server's record as it is stored. */
export type HeldRecord = ServerRecord & { readonly holder?: Holder };

/** Schema of each kind of document. Documents are untrusted when read back: other programs can write to Redis or to the file. */
export const documentSchemas = {
  environment,
  project: projectIndex,
  revision: revision.omit({ name: true, revision: true }),
  assignment,
  server,
  applied,
  deployment,
  claim,
  change,
  secret,
  callers,
  consumers: consumerBucket,
  products: productList,
  keyowners: keyOwners,
} as const;

/** Keys of each kind of document that this version knows. */
export const documentKeys: Readonly<Record<keyof typeof documentSchemas, readonly string[]>> = {
  environment: Object.keys(environmentDocument.shape),
  project: Object.keys(projectIndex.shape),
  revision: Object.keys(documentSchemas.revision.shape),
  assignment: Object.keys(assignment.shape),
  server: Object.keys(server.shape),
  applied: Object.keys(applied.shape),
  deployment: Object.keys(deployment.shape),
  claim: Object.keys(claim.shape),
  change: Object.keys(change.shape),
  secret: Object.keys(secret.shape),
  callers: Object.keys(callers.shape),
  consumers: Object.keys(consumerBucket.shape),
  products: Object.keys(productList.shape),
  keyowners: Object.keys(keyOwners.shape),
};

/** The checked value of a document. */
export type DocumentOf<K extends keyof typeof documentSchemas> = z.output<(typeof documentSchemas)[K]>;
export type EnvironmentDocument = DocumentOf<'environment'>;

/** Number of latest changes that are kept of each environment. */
export const changesKept = 64;

/** Name of the document of the change that led to `version`. It takes the place of an earlier one, so that their number is bounded. */
export function changeName(environment: string, version: number): string {
  return `${environment}/${version % changesKept}`;
}

/** Name of a deployment's document; without a project, the start of the names of all in the environment. */
export function deploymentName(environment: string, project = ''): string {
  return `${environment}/${project}`;
}

/** Name of a base path's claim; without a path, the start of the names of all in the environment. */
export function claimName(environment: string, normalPath = ''): string {
  return `${environment} ${normalPath}`;
}

/** Name of a revision's document. */
export function revisionName(projectName: string, number: number): string {
  return `${projectName}@${number}`;
}
