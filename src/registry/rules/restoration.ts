import type { Clock } from '../../model/clock.ts';
import { contentHash } from '../../model/content-hash.ts';
import { type DeployedProject, type Snapshot, snapshot as snapshotSchema } from '../../model/snapshot.ts';
import { type Deployment, type DocumentOf, type EnvironmentDocument, revisionName } from '../documents.ts';
import { DeployedProjects } from './deployed-projects.ts';
import { environmentText } from './environments.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';

/** Rules for the restoration of an environment from a gateway's snapshot, after the registry lost its data. */
export class Restoration {
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  async restore(given: Snapshot): Promise<boolean> {
    const whole: Snapshot = valid('the snapshot', snapshotSchema, given);
    const offered = { ...whole, projects: whole.projects.filter(({ fault }) => fault === undefined) };
    const { environment: name, epoch, version } = offered;
    return this.#ledger.transact<boolean>(async () => {
      const keys = offered.projects.map((project) => ({ kind: 'project', name: project.name }) as const);
      const now = await this.#ledger.read({ kind: 'environment', name }, ...keys);
      const entry = now.get('environment', name);
      const { value: document } = entry;
      const indexes = offered.projects.map((project) => now.get('project', project.name));
      const projects = offered.projects.map((project, index) => withUsableFallback(project, indexes[index]?.value));
      const untouched = document !== undefined && epoch !== now.epoch && mayRestore(document, offered);
      if (!untouched || indexes.some(({ value }, index) => clashes(value, projects[index] as DeployedProject))) return { result: false };

      const createdAt = this.#clock.date();
      const restoredVersion = Math.max(document.version, version) + 1;
      const places = await new DeployedProjects(this.#ledger, name, document).placed(
        projects.map((project) => deploymentOf(project, restoredVersion)),
      );
      const next: Omit<EnvironmentDocument, 'spec'> = {
        input: document.input,
        version: restoredVersion,
        hash: places.hash,
        ...places.part,
        restored: { epoch, version },
        ...(document.drained && { drained: document.drained }),
        ...(document.decidesTls && { decidesTls: true }),
      };
      const put = projects.flatMap(({ name, revision, project, fallback }, index) => {
        let projectIndex = indexes[index]?.value;
        const revisions = [{ revision, project }, ...(fallback === undefined ? [] : [fallback])].map((one) => {
          const hash = contentHash(one.project);
          projectIndex = withRevision(projectIndex, { revision: one.revision, version: one.project.version, hash, createdAt });
          const text = JSON.stringify({ project: one.project, hash, createdAt });
          return { kind: 'revision', name: revisionName(name, one.revision), text } as const;
        });
        return [{ kind: 'project', name, text: JSON.stringify(projectIndex) } as const, ...revisions];
      });
      const change = {
        epoch: now.epoch,
        expect: [entry, ...indexes],
        put: [{ kind: 'environment', name, text: environmentText(next) } as const, ...places.put, ...put],
        remove: places.remove,
        news: [{ kind: 'snapshot', name, version: next.version } as const, ...keys],
      };
      return { result: true, change };
    });
  }
}

/** True if no operator has deployed anything since the loss, and no snapshot at least as new was restored already. */
function mayRestore({ version, restored, lost }: EnvironmentDocument, offered: Snapshot): boolean {
  if (lost) return true;
  if (restored === undefined) return version === 0;
  return restored.epoch === offered.epoch && restored.version < offered.version;
}

/** True if the offered revision conflicts with a push since the loss: another content has its number, or it would hide the pushed revision by being newer. */
function clashes(index: DocumentOf<'project'> | undefined, { revision, project }: Pick<DeployedProject, 'revision' | 'project'>): boolean {
  if (index === undefined) return false;
  const known = index.revisions.find((one) => one.revision === revision);
  return known === undefined ? !index.restored && revision > index.latest : known.hash !== contentHash(project);
}

/** Leaves out a fallback whose number belongs to another content in this registry. */
function withUsableFallback(deployed: DeployedProject, index: DocumentOf<'project'> | undefined): DeployedProject {
  const { fallback, ...rest } = deployed;
  if (fallback === undefined || !clashes(index, fallback)) return deployed;
  return rest;
}

type IndexedRevision = DocumentOf<'project'>['revisions'][number];

function withRevision(index: DocumentOf<'project'> | undefined, added: IndexedRevision): DocumentOf<'project'> {
  if (index?.revisions.some(({ revision }) => revision === added.revision)) return index;
  const revisions = [...(index?.revisions ?? []), added].sort((one, other) => one.revision - other.revision);
  return { latest: Math.max(index?.latest ?? 0, added.revision), revisions, restored: true };
}

function deploymentOf({ name, revision, project, fallback }: DeployedProject, since: number): Deployment {
  return {
    name,
    revision,
    basePath: project.basePath,
    history: [],
    hash: contentHash(project),
    since,
    ...(fallback && { fallback: fallback.revision, fallbackHash: contentHash(fallback.project) }),
  };
}
