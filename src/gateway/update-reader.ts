import type { Clock } from '../model/clock.ts';
import { contentHash } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { type Manifest, type ManifestEntry, mostRevisionsAsked, type RevisionContent, type RevisionId } from '../model/manifest.ts';
import type { Project } from '../model/project.ts';
import { type DeployedProject, receivedProject, unservable } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import { mergedManifest } from './merged-manifest.ts';
import type { SavedProject } from './saved-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Contents of a revision, or why there are none. */
type Contents = { readonly project: unknown; readonly hash?: string } | { readonly fault: string };

/** An answer that takes longer, in milliseconds, makes the next question smaller; one that takes less than a quarter makes it larger. */
const slowAnswerMs = 1000;

/** Dependencies of an {@link UpdateReader}. */
export interface UpdateReaderParts {
  readonly applier: Pick<SnapshotApplier, 'running' | 'environment' | 'deployment' | 'deployments'>;
  /** Reads contents of the registry: the first of these revisions, or none while the registry serves other servers first. */
  readonly ask: (wanted: readonly RevisionId[]) => Promise<readonly RevisionContent[]>;
  /** Reads contents that this server has on disk. */
  readonly read: (hash: string) => Project | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Completes a manifest by contents: those that this server has, by their hash, and those that it asks for, piece by piece. What was read is kept until
 * the manifest is complete, whatever fails meanwhile, and also if the manifest changes: only what is missing is asked for again.
 */
export class UpdateReader {
  readonly #parts: UpdateReaderParts;
  #wanted: Manifest | undefined;
  /** Contents that the wanted manifest names, and revisions that are missing, by {@link keyOf}. */
  #contents = new Map<string, Contents>();
  #missing = new Map<string, RevisionId>();
  /** Revisions in the next question. */
  #atOnce = mostRevisionsAsked;
  /** Number of revisions that were received so far. */
  received = 0;

  constructor(parts: UpdateReaderParts) {
    this.#parts = parts;
  }

  /** The snapshot that is being read; undefined: none. */
  get wanted(): (SnapshotId & { readonly environment: string }) | undefined {
    if (this.#wanted === undefined) return undefined;
    const { epoch, version, hash, environment } = this.#wanted;
    return { epoch, version, hash, environment };
  }

  /** Wants a manifest to be completed, in the place of the one before. Changes since that one are added to it. */
  want(manifest: Manifest): void {
    const before = this.#wanted;
    const continues = before !== undefined && before.environment === manifest.environment && sameSnapshot(before, manifest.from);
    const step = continues ? mergedManifest(before, manifest) : this.#asStep(manifest);
    const known = this.#contents;
    this.#wanted = step;
    this.#contents = new Map();
    this.#missing = new Map();
    for (const revision of step.put.flatMap(revisionsOf)) {
      const key = keyOf(revision);
      const contents = known.get(key) ?? this.#onDisk(revision);
      if (contents === undefined) this.#missing.set(key, revision);
      else this.#contents.set(key, contents);
    }
  }

  /** Wants nothing any more. */
  drop(): void {
    this.#wanted = undefined;
    this.#contents = new Map();
    this.#missing = new Map();
  }

  /** Asks for all that is missing. Resolves to the complete update, to `later` if others are served first, to undefined if nothing is wanted. */
  async read(): Promise<SnapshotUpdate | 'later' | undefined> {
    while (this.#missing.size > 0) {
      const asked = [...this.#missing.values()].slice(0, this.#atOnce);
      if (!(await this.#ask(asked))) return 'later';
    }
    const step = this.#wanted;
    return step && { ...step, put: step.put.map((entry) => deployedOf(entry, this.#contents)) };
  }

  #onDisk(revision: RevisionId): Contents | undefined {
    const { hash } = revision;
    const project = hash === undefined ? undefined : this.#parts.read(hash);
    return project && { project, ...(hash !== undefined && { hash }) };
  }

  /** Leaves out what runs here already, if the manifest is whole and of the same data: nothing of that has to be read. */
  #asStep(manifest: Manifest): Manifest {
    const { applier } = this.#parts;
    const { running, environment } = applier;
    if (manifest.from !== undefined || running?.epoch !== manifest.epoch || environment !== manifest.environment) return manifest;
    const names = new Set(manifest.put.map(({ name }) => name));
    const removed = [...applier.deployments()].map(({ name }) => name).filter((name) => !names.has(name));
    return { ...manifest, from: running, put: manifest.put.filter((entry) => !isSame(entry, applier.deployment(entry.name))), removed };
  }

  /** Resolves to false if the registry answered with none of them, because it serves others first. */
  async #ask(asked: readonly RevisionId[]): Promise<boolean> {
    const { clock } = this.#parts;
    const begun = clock.now();
    const answer = await this.#parts.ask(asked).catch((error: unknown) => {
      // Perhaps a smaller answer arrives within the limit of a call.
      this.#atOnce = Math.max(1, Math.floor(this.#atOnce / 4));
      throw error;
    });
    const took = clock.now() - begun;
    if (answer.length === 0) return false;
    if (took > slowAnswerMs) this.#atOnce = Math.max(1, Math.floor(this.#atOnce / 2));
    else if (took < slowAnswerMs / 4) this.#atOnce = Math.min(mostRevisionsAsked, this.#atOnce * 2);
    for (const [index, given] of answer.entries()) this.#take(asked[index], given);
    return true;
  }

  #take(asked: RevisionId | undefined, given: RevisionContent): void {
    if (asked === undefined || idOf(asked) !== idOf(given))
      throw new SluiceError('unavailable', 'the registry answered with another revision');
    if (given.fault === undefined && asked.hash !== undefined && given.hash !== asked.hash)
      throw new SluiceError('unavailable', 'the data of the registry was just replaced: trying again');
    this.received++;
    const key = keyOf(asked);
    // Another manifest, which does not name the revision, may be wanted by now.
    if (!this.#missing.delete(key)) return;
    const { fault, project, hash } = given;
    this.#contents.set(key, fault === undefined ? { project, ...(hash && { hash }) } : { fault });
  }
}

function revisionsOf({ name, revision, hash, fallback, fault }: ManifestEntry): RevisionId[] {
  if (fault !== undefined) return [];
  return [{ name, revision, ...(hash !== undefined && { hash }) }, ...(fallback ? [{ name, ...fallback }] : [])];
}

function idOf({ name, revision }: Pick<RevisionId, 'name' | 'revision'>): string {
  return `${name}@${revision}`;
}

/** With the hash, since the same number names another revision after the data of the registry was replaced. */
function keyOf(revision: RevisionId): string {
  return `${idOf(revision)} ${revision.hash ?? ''}`;
}

function isSame({ revision, hash, fallback, fault }: ManifestEntry, runs: SavedProject | undefined): boolean {
  if (runs === undefined || fault !== undefined || runs.fault !== undefined || hash === undefined) return false;
  const sameFallback = fallback?.revision === runs.fallback?.revision && fallback?.hash === runs.fallback?.hash;
  return runs.revision === revision && runs.hash === hash && sameFallback;
}

function deployedOf(entry: ManifestEntry, contents: ReadonlyMap<string, Contents>): DeployedProject {
  const { name, revision, basePath } = entry;
  const own = contents.get(keyOf(entry));
  const earlier = entry.fallback && contents.get(keyOf({ name, ...entry.fallback }));
  const fault = entry.fault ?? (own === undefined || 'fault' in own ? own?.fault : undefined);
  const fallback =
    entry.fallback && earlier && 'project' in earlier ? { fallback: { revision: entry.fallback.revision, ...hashed(earlier) } } : {};
  if (own === undefined || 'fault' in own || fault !== undefined)
    return { ...unservable(entry, fault ?? 'its contents are missing', basePath), ...received(name, revision, fallback) };
  return receivedProject.parse({ name, revision, ...hashed(own), ...fallback });
}

/** The fallback of a deployment that has no contents itself. */
function received(name: string, revision: number, given: { fallback?: { project: unknown } }): Pick<DeployedProject, 'fallback'> {
  if (given.fallback === undefined) return {};
  const { fallback } = receivedProject.parse({ name, revision, project: given.fallback.project, ...given });
  return fallback ? { fallback } : {};
}

/** Leaves the hash out if it is not that of the contents: it then names nothing that can be found again. */
function hashed({ project, hash }: { readonly project: unknown; readonly hash?: string }): { project: unknown; hash?: string } {
  return hash !== undefined && contentHash(project) === hash ? { project, hash } : { project };
}
