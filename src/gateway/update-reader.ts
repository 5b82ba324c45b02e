import type { Clock } from '../model/clock.ts';
import { contentHashInPieces } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { type Manifest, type ManifestEntry, mostRevisionsAsked, type RevisionContent, type RevisionId } from '../model/manifest.ts';
import { inTurns, type Pieces } from '../model/pieces.ts';
import { type Project, projectInPieces } from '../model/project.ts';
import { type DeployedProject, notUnderstood, unservable } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import { mergedManifest } from './merged-manifest.ts';
import type { SavedProject } from './saved-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Contents of a revision, or why there are none. `own`: this server had saved them, under their hash. */
type Contents = { readonly project: unknown; readonly hash?: string; readonly own?: true } | { readonly fault: string };

/** An answer that takes longer, in milliseconds, makes the next question smaller; one that takes less than a quarter makes it larger. */
const slowAnswerMs = 1000;

/** Contents after they were checked. */
type Checked = { readonly project: Project; readonly hash?: string } | { readonly fault: string };

/** Dependencies of an {@link UpdateReader}. */
export interface UpdateReaderParts {
  readonly applier: Pick<SnapshotApplier, 'running' | 'environment' | 'deployment' | 'deployments'>;
  /** Reads contents of the registry: the first of these revisions, or none while the registry serves other servers first. */
  readonly ask: (wanted: readonly RevisionId[]) => Promise<readonly RevisionContent[]>;
  /** Reads contents that this server has on disk, unchecked. */
  readonly read: (hash: string) => unknown;
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
    for (;;) {
      while (this.#missing.size > 0) {
        const asked = [...this.#missing.values()].slice(0, this.#atOnce);
        if (!(await this.#ask(asked))) return 'later';
      }
      const step = this.#wanted;
      if (step === undefined) return undefined;
      const contents = this.#contents;
      const { checked, strange } = await inTurns(checkInPieces(step.put, contents));
      // Another manifest may be wanted by now.
      if (this.#wanted !== step) continue;
      if (strange.length === 0) return { ...step, put: step.put.map((entry) => deployedOf(entry, checked)) };
      for (const revision of strange) {
        contents.delete(keyOf(revision));
        this.#missing.set(keyOf(revision), revision);
      }
    }
  }

  #onDisk(revision: RevisionId): Contents | undefined {
    const { hash } = revision;
    const project = hash === undefined ? undefined : this.#parts.read(hash);
    return project === undefined ? undefined : { project, own: true, ...(hash !== undefined && { hash }) };
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

/** Checks the contents that are wanted. `strange`: another version had saved them on disk, and this one does not understand them. */
function* checkInPieces(
  put: readonly ManifestEntry[],
  contents: ReadonlyMap<string, Contents>,
): Pieces<{ checked: ReadonlyMap<string, Checked>; strange: readonly RevisionId[] }> {
  const checked = new Map<string, Checked>();
  const strange: RevisionId[] = [];
  for (const revision of put.flatMap(revisionsOf)) {
    const key = keyOf(revision);
    const given = contents.get(key);
    if (given === undefined || checked.has(key)) continue;
    if ('fault' in given) checked.set(key, given);
    else {
      const { success, data, error } = yield* projectInPieces(given.project);
      if (success) checked.set(key, { project: data, ...(yield* hashOf(given)) });
      else if (given.own) strange.push(revision);
      else checked.set(key, { fault: notUnderstood(error) });
    }
    yield;
  }
  return { checked, strange };
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

/** Leaves the hash out if it is not that of the contents: it then names nothing that can be found again. What is on disk was found by it. */
function* hashOf({ project, hash, own }: Exclude<Contents, { fault: string }>): Pieces<{ hash?: string }> {
  if (hash === undefined || !isMap(project)) return {};
  return own || (yield* contentHashInPieces(project)) === hash ? { hash } : {};
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
