import type { Clock } from '../model/clock.ts';
import { contentHashInPieces } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { isMap } from '../model/is-map.ts';
import { type Manifest, type ManifestEntry, mostRevisionsAsked, type RevisionContent, type RevisionId } from '../model/manifest.ts';
import { inTurns, type Pieces } from '../model/pieces.ts';
import { type Project, projectInPieces } from '../model/project.ts';
import { type DeployedProject, notUnderstood, unservable } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import { mergedManifest } from './merged-manifest.ts';
import type { SavedProject } from './saved-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** Contents of a revision that the registry sent, or why there are none. */
type Contents = { readonly project: unknown; readonly hash?: string } | { readonly fault: string };

/** An answer that takes longer, in milliseconds, makes the next question smaller; one that takes less than a quarter makes it larger. */
const slowAnswerMs = 1000;

/** Contents after they were checked. */
type Checked = { readonly project: Project; readonly hash?: string } | { readonly fault: string };

/** Dependencies of an {@link UpdateReader}. */
export interface UpdateReaderParts {
  readonly applier: Pick<SnapshotApplier, 'running' | 'environment' | 'deployment' | 'deployments'>;
  /** Reads contents of the registry: the first of these revisions, or none while the registry serves other servers first. */
  readonly ask: (wanted: readonly RevisionId[]) => Promise<readonly RevisionContent[]>;
  /** Contents that this server has on disk. */
  readonly saved: Pick<SnapshotStore, 'has' | 'readInPieces'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Completes a manifest by contents: those that this server has, by their hash, and those that it asks for, piece by piece. What was read is kept until
 * the manifest is complete, whatever fails meanwhile, and also if the manifest changes: only what is missing is asked for again.
 */
export class UpdateReader {
  readonly #parts: UpdateReaderParts;
  #wanted: Manifest | undefined;
  /** The step to the wanted manifest from what runs here; undefined: not known yet. */
  #step: Manifest | undefined;
  /** Contents that were received and that the manifest names, and revisions that are missing, by {@link keyOf}. */
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
    this.#wanted = continues ? mergedManifest(before, manifest) : manifest;
    this.#step = undefined;
  }

  /** Wants nothing any more. */
  drop(): void {
    this.#wanted = this.#step = undefined;
    this.#contents = new Map();
    this.#missing = new Map();
  }

  /** Asks for all that is missing. Resolves to the complete update, to `later` if others are served first, to undefined if nothing is wanted. */
  async read(): Promise<SnapshotUpdate | 'later' | undefined> {
    for (;;) {
      const wanted = this.#wanted;
      if (wanted === undefined) return undefined;
      if (this.#step === undefined) await inTurns(this.#plan(wanted));
      else if (this.#missing.size > 0) {
        const asked = [...this.#missing.values()].slice(0, this.#atOnce);
        if (!(await this.#ask(asked))) return 'later';
      } else {
        const { update, unread } = await inTurns(this.#complete(this.#step));
        // Another manifest may be wanted by now.
        if (this.#wanted !== wanted) continue;
        if (unread.length === 0) return update;
        for (const revision of unread) this.#missing.set(keyOf(revision), revision);
      }
    }
  }

  /** Finds what has to be changed here for the manifest, and which contents are missing. */
  *#plan(wanted: Manifest): Pieces<void> {
    const step = yield* this.#stepTo(wanted);
    const { saved } = this.#parts;
    const contents = new Map<string, Contents>();
    const missing = new Map<string, RevisionId>();
    for (const revision of revisionsIn(step.put)) {
      const key = keyOf(revision);
      const received = this.#contents.get(key);
      if (received !== undefined) contents.set(key, received);
      else if (revision.hash === undefined || !saved.has(revision.hash)) missing.set(key, revision);
      yield;
    }
    if (this.#wanted !== wanted) return;
    this.#step = step;
    this.#contents = contents;
    this.#missing = missing;
  }

  /** Leaves out what runs here already, if the manifest is whole and of the same data: nothing of that has to be read. */
  *#stepTo(manifest: Manifest): Pieces<Manifest> {
    const { applier } = this.#parts;
    const { running, environment } = applier;
    if (manifest.from !== undefined || running?.epoch !== manifest.epoch || environment !== manifest.environment) return manifest;
    const names = new Set<string>();
    const put: ManifestEntry[] = [];
    for (const entry of manifest.put) {
      names.add(entry.name);
      if (!isSame(entry, applier.deployment(entry.name))) put.push(entry);
      yield;
    }
    const removed: string[] = [];
    for (const { name } of applier.deployments()) {
      if (!names.has(name)) removed.push(name);
      yield;
    }
    return { ...manifest, from: running, put, removed };
  }

  /** Checks the contents and puts them into the step. `unread`: contents on disk that are damaged, or that this version does not understand. */
  *#complete(step: Manifest): Pieces<{ update: SnapshotUpdate; unread: readonly RevisionId[] }> {
    const checked = new Map<string, Checked>();
    const unread: RevisionId[] = [];
    for (const revision of revisionsIn(step.put)) {
      const key = keyOf(revision);
      if (checked.has(key)) continue;
      const contents = this.#contents.get(key);
      const read = contents === undefined ? yield* this.#onDisk(revision) : yield* checkedContents(contents);
      if (read === undefined) unread.push(revision);
      else checked.set(key, read);
      yield;
    }
    const put: DeployedProject[] = [];
    for (const entry of step.put) {
      put.push(deployedOf(entry, checked));
      yield;
    }
    return { update: { ...step, put }, unread };
  }

  *#onDisk({ hash }: RevisionId): Pieces<Checked | undefined> {
    const project = hash === undefined ? undefined : yield* this.#parts.saved.readInPieces(hash);
    return project && { project, ...(hash !== undefined && { hash }) };
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

/** The revisions of which the contents are needed. */
function* revisionsIn(put: readonly ManifestEntry[]): Generator<RevisionId> {
  for (const { name, revision, hash, fallback, fault } of put) {
    if (fault !== undefined) continue;
    yield { name, revision, ...(hash !== undefined && { hash }) };
    if (fallback !== undefined) yield { name, ...fallback };
  }
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

function* checkedContents(contents: Contents): Pieces<Checked> {
  if ('fault' in contents) return contents;
  const { success, data, error } = yield* projectInPieces(contents.project);
  return success ? { project: data, hash: yield* hashOf(contents, data) } : { fault: notUnderstood(error) };
}

function deployedOf(entry: ManifestEntry, contents: ReadonlyMap<string, Checked>): DeployedProject {
  const { name, revision, basePath } = entry;
  const own = contents.get(keyOf(entry));
  const earlier = entry.fallback && contents.get(keyOf({ name, ...entry.fallback }));
  const fallback = entry.fallback && earlier && 'project' in earlier ? { fallback: { revision: entry.fallback.revision, ...earlier } } : {};
  const fault = entry.fault ?? (own === undefined || 'fault' in own ? own?.fault : undefined);
  if (own === undefined || 'fault' in own || fault !== undefined)
    return { ...unservable(entry, fault ?? 'its contents are missing', basePath), ...fallback };
  return { name, revision, ...own, ...fallback };
}

/** The hash by which the contents are found again: the given one if that is right. */
function* hashOf({ project, hash }: Exclude<Contents, { fault: string }>, checked: Project): Pieces<string> {
  const right = hash !== undefined && isMap(project) && (yield* contentHashInPieces(project)) === hash;
  return right ? hash : yield* contentHashInPieces(checked);
}
