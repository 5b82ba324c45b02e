import { SluiceError } from '../../model/fault.ts';
import type { Manifest, ManifestEntry } from '../../model/manifest.ts';
import { SharedWork } from '../../model/shared-work.ts';
import { type DeployedProject, type Snapshot, unservable } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import { changeName, changesKept, type EnvironmentDocument, revisionName } from '../documents.ts';
import { DeployedProjects, entryOf } from './deployed-projects.ts';
import type { Ledger } from './ledger.ts';
import { served } from './served-settings.ts';

/** Revisions that are read at once, so that no read holds up the store for long. */
const revisionsAtOnce = 500;

/** Changes between two snapshots, by project; null: it is not deployed any more. */
type Changes = ReadonlyMap<string, ManifestEntry | null>;

/**
 * Describes what environments run: as a manifest, as the changes since an earlier snapshot, or as a whole snapshot with the contents of every
 * revision. Revisions never change, so that only documents of deployments have to agree with the environment's.
 */
export class Snapshots {
  readonly #ledger: Ledger;
  /** The latest manifest, changes and snapshot of each environment: after a deploy every server of the environment asks for the same. */
  readonly #manifests = new Map<string, Manifest>();
  readonly #changes = new Map<string, Manifest>();
  readonly #entries = new WeakMap<Manifest, ReadonlyMap<string, ManifestEntry>>();
  readonly #latest = new Map<string, Snapshot>();
  /** Reads under way: until the first manifest and snapshot are kept, servers that start together ask for the same. */
  readonly #readingManifests = new SharedWork<Manifest>();
  readonly #readingSnapshots = new SharedWork<Snapshot>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Describes the deployments of an environment as of its document or later; only what changed since a snapshot, if that is still known. */
  async manifest(environment: string, epoch: string, document: EnvironmentDocument, since?: SnapshotId): Promise<Manifest> {
    if (since !== undefined && sameSnapshot(since, snapshotIdOf(epoch, document)))
      return { ...manifestOf(environment, epoch, document), from: since, put: [], removed: [] };
    if (since !== undefined) {
      const known = this.#changes.get(environment);
      if (known && sameSnapshot(known, snapshotIdOf(epoch, document)) && sameSnapshot(known.from, since)) return known;
      const changes = await this.#changesSince(environment, epoch, document, since);
      if (changes) {
        const next = { ...manifestOf(environment, epoch, document), from: since, ...asLists(changes) };
        this.#changes.set(environment, next);
        return next;
      }
    }
    const latest = this.#manifests.get(environment);
    if (latest && sameSnapshot(latest, snapshotIdOf(epoch, document))) return latest;
    const id = idOf(environment, snapshotIdOf(epoch, document));
    return this.#readingManifests.share(id, () => this.#readManifest(environment, epoch, document, latest));
  }

  /** Finds deployments of an environment in the manifest that was read last; undefined if that is not of this document. */
  latest(environment: string, epoch: string, document: EnvironmentDocument): ReadonlyMap<string, ManifestEntry> | undefined {
    const latest = this.#manifests.get(environment);
    if (latest === undefined || !sameSnapshot(latest, snapshotIdOf(epoch, document))) return undefined;
    const known = this.#entries.get(latest);
    if (known !== undefined) return known;
    const entries = new Map(latest.put.map((entry) => [entry.name, entry]));
    this.#entries.set(latest, entries);
    return entries;
  }

  /** Builds the whole snapshot that an environment's document describes. */
  async of(environment: string, epoch: string, document: EnvironmentDocument): Promise<Snapshot> {
    const latest = this.#latest.get(environment);
    if (latest && sameSnapshot(latest, snapshotIdOf(epoch, document))) return latest;
    const id = idOf(environment, snapshotIdOf(epoch, document));
    return this.#readingSnapshots.share(id, () => this.#readSnapshot(environment, epoch, document));
  }

  /** Reads the contents of these deployments. One that is lost or cannot be read gets a `fault`. */
  async projects(epoch: string, entries: readonly ManifestEntry[]): Promise<DeployedProject[]> {
    const projects: DeployedProject[] = [];
    for (let start = 0; start < entries.length; start += revisionsAtOnce)
      projects.push(...(await this.#projects(epoch, entries.slice(start, start + revisionsAtOnce))));
    return projects;
  }

  /** Drops what is cached of an environment that was deleted. */
  forget(environment: string): void {
    for (const cache of [this.#manifests, this.#changes, this.#latest]) cache.delete(environment);
  }

  /** Reads what changed since the latest manifest, or everything if that is not known. */
  async #readManifest(environment: string, epoch: string, document: EnvironmentDocument, latest: Manifest | undefined): Promise<Manifest> {
    const changes = latest && (await this.#changesSince(environment, epoch, document, latest));
    const next = changes
      ? { ...manifestOf(environment, epoch, document), put: merged(latest.put, changes), removed: [] }
      : await this.#readWhole(environment, epoch, document);
    // A deployment that cannot be read now may be readable later.
    if (next.put.every(({ fault }) => fault === undefined)) this.#manifests.set(environment, next);
    return next;
  }

  async #readSnapshot(environment: string, epoch: string, document: EnvironmentDocument): Promise<Snapshot> {
    const { put, removed: _, from: __, ...rest } = await this.manifest(environment, epoch, document);
    const snapshot = { ...rest, projects: await this.projects(rest.epoch, put) };
    // A revision that cannot be read now may be readable later.
    if (snapshot.projects.every(({ fault }) => fault === undefined)) this.#latest.set(environment, snapshot);
    return snapshot;
  }

  async #projects(epoch: string, entries: readonly ManifestEntry[]): Promise<DeployedProject[]> {
    const names = entries.flatMap(({ name, revision, fallback }) =>
      [revision, ...(fallback === undefined ? [] : [fallback.revision])].map((number) => revisionName(name, number)),
    );
    const reading = await this.#ledger.read(...names.map((name) => ({ kind: 'revision', name }) as const));
    if (reading.epoch !== epoch) throw new SluiceError('unavailable', 'the data of the registry was just replaced: try again');
    const project = (name: string, revision: number) => reading.get('revision', revisionName(name, revision)).value?.project;
    return entries.map((entry) => {
      const { name, revision, fallback } = entry;
      const deployed = servable(entry, () => project(name, revision));
      const earlier = fallback && servable({ ...entry, revision: fallback.revision }, () => project(name, fallback.revision));
      return earlier === undefined || earlier.fault !== undefined
        ? deployed
        : { ...deployed, fallback: { revision: earlier.revision, project: earlier.project } };
    });
  }

  async #readWhole(environment: string, epoch: string, document: EnvironmentDocument): Promise<Manifest> {
    const read = await new DeployedProjects(this.#ledger, environment, document).all();
    const put = [
      ...read.deployments.map(entryOf),
      ...read.damaged.map(({ name, reason }) => ({ name, revision: 1, basePath: `/${name}`, fault: reason })),
    ].sort(byName);
    if (document.deployments) return { ...manifestOf(environment, epoch, document), put, removed: [] };
    // A change since the environment was read may or may not be in the list: the changes up to now, which are known, settle that.
    const now = await this.#ledger.read({ kind: 'environment', name: environment });
    const { value } = now.get('environment', environment);
    const before = snapshotIdOf(epoch, document);
    const same = value && sameSnapshot(before, snapshotIdOf(now.epoch, value));
    const changes = same ? new Map() : value && (await this.#changesSince(environment, now.epoch, value, before));
    if (!value || !changes)
      throw new SluiceError('unavailable', `the deployments of environment "${environment}" changed while they were read: try again`);
    return { ...manifestOf(environment, now.epoch, value), put: merged(put, changes), removed: [] };
  }

  /**
   * Reads what changed since a snapshot; undefined if not every change since then is known. Each change names the hash before it, so that changes of
   * a deleted environment, and versions that an older Sluice made without recording them, are noticed.
   */
  async #changesSince(
    environment: string,
    epoch: string,
    { version, hash }: EnvironmentDocument,
    since: SnapshotId,
  ): Promise<Changes | undefined> {
    const steps = version - since.version;
    if (since.epoch !== epoch || steps < 1 || steps > changesKept) return undefined;
    const versions = Array.from({ length: steps }, (_, step) => since.version + 1 + step);
    const names = versions.map((one) => changeName(environment, one));
    const reading = await this.#ledger.read(...names.map((name) => ({ kind: 'change', name }) as const));
    const changes = new Map<string, ManifestEntry | null>();
    let reached = since.hash;
    for (const [step, name] of names.entries()) {
      const { value: change } = reading.replaceable('change', name);
      if (change?.version !== versions[step] || change?.from !== reached) return undefined;
      reached = change.hash;
      if (change.put) changes.set(change.put.name, change.put);
      else if (change.removed !== undefined) changes.set(change.removed, null);
    }
    return reached === hash ? changes : undefined;
  }
}

/** Makes a deployed project of what `read` returns; with a `fault` if that is nothing, or fails because the document is damaged. */
function servable(entry: ManifestEntry, read: () => DeployedProject['project'] | undefined): DeployedProject {
  const { name, revision, basePath, fault } = entry;
  if (fault !== undefined) return unservable(entry, fault, basePath);
  try {
    const project = read();
    if (project !== undefined) return { name, revision, project };
  } catch (error) {
    return unservable(entry, (error as SluiceError).message, basePath);
  }
  return unservable(entry, lostRevision, basePath);
}

/** Why a revision without a document cannot be served. */
export const lostRevision = 'the registry has lost it: push the project and deploy it again';

/** Identity of the snapshot that an environment's document describes. */
export function snapshotIdOf(epoch: string, { version, hash }: EnvironmentDocument): SnapshotId {
  return { epoch, version, hash };
}

function idOf(environment: string, { epoch, version, hash }: SnapshotId): string {
  return `${environment} ${epoch} ${version} ${hash}`;
}

function manifestOf(environment: string, epoch: string, document: EnvironmentDocument): Omit<Manifest, 'put' | 'removed'> {
  return { ...snapshotIdOf(epoch, document), environment, ...served(document) };
}

function merged(entries: readonly ManifestEntry[], changes: Changes): readonly ManifestEntry[] {
  if (changes.size === 0) return entries;
  return [...entries.filter(({ name }) => !changes.has(name)), ...asLists(changes).put].sort(byName);
}

function asLists(changes: Changes): Pick<Manifest, 'put' | 'removed'> {
  const put = [...changes.values()].filter((entry) => entry !== null).sort(byName);
  return { put, removed: [...changes].filter(([, entry]) => entry === null).map(([name]) => name) };
}

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}
