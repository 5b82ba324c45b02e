import type { ManifestEntry } from '../../model/manifest.ts';
import type { ServedSettings } from '../../model/snapshot.ts';
import { hashAfterDeployment, hashAfterSettings, snapshotHash } from '../../model/snapshot-hash.ts';
import { normalBasePath } from '../../projects/base-path.ts';
import { changeName, changesKept, claimName, type Deployment, deploymentName, type EnvironmentDocument } from '../documents.ts';
import type { Change, Key } from '../store.ts';
import type { CheckedReading, Ledger } from './ledger.ts';
import { served } from './served-settings.ts';

/** Deployments that are kept in the environment's own document, which every version reads. */
const mostInline = 64;

/** The parts of an environment's document that its deployments make. */
type DeployedPart = Pick<EnvironmentDocument, 'deployments' | 'deployed'>;

/** Placement of an environment's deployments in documents after a change. */
export interface Placement {
  readonly part: DeployedPart;
  readonly hash: string;
  readonly put: NonNullable<Change['put']>;
  readonly remove: readonly Key[];
}

/**
 * The deployments of one environment, as of a reading of its document. Few are in that document. Once there are more, each has a document of its own,
 * and so has each claim to a base path: then neither finding one nor replacing one reads or writes the others. Each change also changes the
 * environment's document, which a commit must expect unchanged.
 */
export class DeployedProjects {
  readonly #ledger: Ledger;
  readonly #environment: string;
  readonly #document: EnvironmentDocument;

  constructor(ledger: Ledger, environment: string, document: EnvironmentDocument) {
    this.#ledger = ledger;
    this.#environment = environment;
    this.#document = document;
  }

  get count(): number {
    return this.#document.deployments?.length ?? this.#document.deployed ?? 0;
  }

  /** Finds the deployment of a project; in `already`, if its document was read together with the environment's. */
  async find(project: string, already?: CheckedReading): Promise<Deployment | undefined> {
    const { deployments } = this.#document;
    if (deployments) return deployments.find(({ name }) => name === project);
    const key = { kind: 'deployment', name: deploymentName(this.#environment, project) } as const;
    return (already ?? (await this.#ledger.read(key))).get('deployment', key.name).value;
  }

  /** Finds the deployments of these projects, by name. */
  async findAll(projects: readonly string[]): Promise<ReadonlyMap<string, Deployment>> {
    const { deployments } = this.#document;
    if (deployments) return new Map(deployments.map((one) => [one.name, one]));
    const names = [...new Set(projects)].map((project) => deploymentName(this.#environment, project));
    const reading = await this.#ledger.read(...names.map((name) => ({ kind: 'deployment', name }) as const));
    return new Map(reading.all('deployment').map(({ value }) => [value.name, value]));
  }

  /** Finds the deployment of another project that has the base path of this one. */
  async rival({ name, basePath }: Deployment): Promise<Deployment | undefined> {
    const wanted = normalBasePath(basePath);
    const { deployments } = this.#document;
    if (deployments) return deployments.find((one) => one.name !== name && normalBasePath(one.basePath) === wanted);
    const key = { kind: 'claim', name: claimName(this.#environment, wanted) } as const;
    const { value } = (await this.#ledger.read(key)).get('claim', key.name);
    return value === undefined || value.project === name ? undefined : this.find(value.project);
  }

  /** Reads all deployments, sorted by name, and the names of those whose documents are damaged. */
  async all(): Promise<{ readonly deployments: readonly Deployment[]; readonly damaged: readonly { name: string; reason: string }[] }> {
    const { deployments } = this.#document;
    if (deployments) return { deployments, damaged: [] };
    const prefix = deploymentName(this.#environment);
    const listed = await this.#ledger.list('deployment', prefix);
    return {
      deployments: (await listed.allInTurns('deployment')).map(({ value }) => value),
      damaged: listed.damages('deployment').map(({ name, reason }) => ({ name: name.slice(prefix.length), reason })),
    };
  }

  /** Places the deployments after that of a project is replaced; undefined stands for none. */
  async replaced(present: Deployment | undefined, next: Deployment | undefined): Promise<Placement> {
    const { deployments, hash } = this.#document;
    if (deployments) return this.placed([...deployments.filter((one) => one !== present), ...(next ? [next] : [])]);
    const one = next ?? present;
    const claims = present && next && normalBasePath(present.basePath) === normalBasePath(next.basePath) ? [] : [present];
    return {
      part: { deployed: this.count + (next ? 1 : 0) - (present ? 1 : 0) },
      hash: hashAfterDeployment(hash, present && entryOf(present), next && entryOf(next)),
      put: next ? textsOf(this.#environment, next) : [],
      remove: [
        ...claims.flatMap((gone) => (gone ? [claimOf(this.#environment, gone)] : [])),
        ...(next || !one ? [] : [{ kind: 'deployment', name: deploymentName(this.#environment, one.name) } as const]),
      ],
    };
  }

  /** Hash of the environment's snapshot with other settings. */
  hashWith(next: ServedSettings): string {
    const { deployments, hash } = this.#document;
    return deployments ? snapshotHash(next, deployments.map(entryOf)) : hashAfterSettings(hash, served(this.#document), next);
  }

  /** Places these as all deployments of the environment. Documents that an older version left when it deleted an environment are removed. */
  async placed(deployments: readonly Deployment[]): Promise<Placement> {
    const sorted = [...deployments].sort((one, other) => (one.name < other.name ? -1 : 1));
    const hash = snapshotHash(served(this.#document), sorted.map(entryOf));
    if (sorted.length <= mostInline && this.#document.deployments) return { part: { deployments: sorted }, hash, put: [], remove: [] };
    const put = sorted.flatMap((one) => textsOf(this.#environment, one));
    const kept = new Set(put.map(({ kind, name }) => `${kind} ${name}`));
    const remove = (await placesOf(this.#ledger, this.#environment)).filter(({ kind, name }) => !kept.has(`${kind} ${name}`));
    return { part: { deployed: sorted.length }, hash, put, remove };
  }
}

/** Lists all documents that go with an environment when it is deleted. */
export async function documentsOf(ledger: Ledger, environment: string): Promise<Key[]> {
  const changes = Array.from({ length: changesKept }, (_, slot) => ({ kind: 'change', name: changeName(environment, slot) }) as const);
  return [...(await placesOf(ledger, environment)), ...changes];
}

/** Lists the documents of an environment's deployments and claims. */
async function placesOf(ledger: Ledger, environment: string): Promise<Key[]> {
  const lists = [ledger.store.list('deployment', deploymentName(environment)), ledger.store.list('claim', claimName(environment))];
  return (await Promise.all(lists)).flatMap(({ documents }) => documents).map(({ kind, name }) => ({ kind, name }));
}

/** The entry of a manifest for a deployment. */
export function entryOf({ name, revision, hash, basePath, since, fallback, fallbackHash }: Deployment): ManifestEntry {
  return {
    name,
    revision,
    ...(hash !== undefined && { hash }),
    basePath,
    ...(since !== undefined && { since }),
    ...(fallback !== undefined && { fallback: { revision: fallback, ...(fallbackHash !== undefined && { hash: fallbackHash }) } }),
  };
}

function textsOf(environment: string, deployment: Deployment) {
  return [
    { kind: 'deployment', name: deploymentName(environment, deployment.name), text: JSON.stringify(deployment) },
    { ...claimOf(environment, deployment), text: JSON.stringify({ project: deployment.name }) },
  ] as const;
}

function claimOf(environment: string, { basePath }: Deployment) {
  return { kind: 'claim', name: claimName(environment, normalBasePath(basePath)) } as const;
}
