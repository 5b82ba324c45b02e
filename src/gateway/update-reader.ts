import { contentHash } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { type Manifest, type ManifestEntry, mostRevisionsAsked, type RevisionContent, type RevisionId } from '../model/manifest.ts';
import type { Project } from '../model/project.ts';
import { type DeployedProject, receivedProject, unservable } from '../model/snapshot.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { SavedProject } from './saved-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Contents of a revision, or why there are none. */
type Contents = { readonly project: unknown; readonly hash?: string } | { readonly fault: string };

/** Dependencies of an {@link UpdateReader}. */
export interface UpdateReaderParts {
  readonly applier: Pick<SnapshotApplier, 'running' | 'environment' | 'deployment' | 'deployments'>;
  /** Reads contents of the registry: at least the first of these revisions. */
  readonly ask: (wanted: readonly RevisionId[]) => Promise<readonly RevisionContent[]>;
  /** Reads contents that this server has on disk. */
  readonly read: (hash: string) => Project | undefined;
}

/** Completes a manifest by contents: those that this server has, by their hash, and those that it asks for. */
export class UpdateReader {
  readonly #parts: UpdateReaderParts;

  constructor(parts: UpdateReaderParts) {
    this.#parts = parts;
  }

  async read(manifest: Manifest): Promise<SnapshotUpdate> {
    const step = this.#asStep(manifest);
    const contents = new Map<string, Contents>();
    const missing: RevisionId[] = [];
    for (const revision of step.put.flatMap(revisionsOf)) {
      const project = revision.hash === undefined ? undefined : this.#parts.read(revision.hash);
      if (project === undefined) missing.push(revision);
      else contents.set(idOf(revision), { project, hash: revision.hash as string });
    }
    await this.#ask(missing, contents);
    return { ...step, put: step.put.map((entry) => deployedOf(entry, contents)) };
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

  async #ask(missing: readonly RevisionId[], contents: Map<string, Contents>): Promise<void> {
    for (let next = 0; next < missing.length; ) {
      const wanted = missing.slice(next, next + mostRevisionsAsked);
      const answer = await this.#parts.ask(wanted);
      if (answer.length === 0) throw new SluiceError('unavailable', 'the registry answered with none of the revisions: trying again');
      for (const [index, given] of answer.entries()) {
        const asked = wanted[index];
        if (asked === undefined || idOf(asked) !== idOf(given))
          throw new SluiceError('unavailable', `the registry answered with another revision`);
        if (given.fault === undefined && asked.hash !== undefined && given.hash !== asked.hash)
          throw new SluiceError('unavailable', 'the data of the registry was just replaced: trying again');
        contents.set(
          idOf(given),
          given.fault === undefined ? { project: given.project, ...(given.hash && { hash: given.hash }) } : { fault: given.fault },
        );
      }
      next += answer.length;
    }
  }
}

function revisionsOf({ name, revision, hash, fallback, fault }: ManifestEntry): RevisionId[] {
  if (fault !== undefined) return [];
  return [{ name, revision, ...(hash !== undefined && { hash }) }, ...(fallback ? [{ name, ...fallback }] : [])];
}

function idOf({ name, revision }: Pick<RevisionId, 'name' | 'revision'>): string {
  return `${name}@${revision}`;
}

function isSame({ revision, hash, fallback, fault }: ManifestEntry, runs: SavedProject | undefined): boolean {
  if (runs === undefined || fault !== undefined || runs.fault !== undefined || hash === undefined) return false;
  const sameFallback = fallback?.revision === runs.fallback?.revision && fallback?.hash === runs.fallback?.hash;
  return runs.revision === revision && runs.hash === hash && sameFallback;
}

function deployedOf(entry: ManifestEntry, contents: ReadonlyMap<string, Contents>): DeployedProject {
  const { name, revision, basePath } = entry;
  const own = contents.get(idOf(entry));
  const earlier = entry.fallback && contents.get(idOf({ name, revision: entry.fallback.revision }));
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
