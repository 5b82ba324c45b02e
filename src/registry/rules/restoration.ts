import type { Clock } from '../../model/clock.ts';
import type { Project } from '../../model/project.ts';
import { contentHash, type DeployedProject, type Snapshot } from '../../model/snapshot.ts';
import { type Deployment, type DocumentOf, type EnvironmentDocument, revisionName, snapshot as snapshotSchema } from '../documents.ts';
import { environmentText } from './environments.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';
import type { Snapshots } from './snapshots.ts';

/** Takes back, after a registry was emptied, what somebody still knows: the rules. */
export class Restoration {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  readonly #clock: Clock;

  constructor(ledger: Ledger, snapshots: Snapshots, clock: Clock) {
    this.#ledger = ledger;
    this.#snapshots = snapshots;
    this.#clock = clock;
  }

  async restore(given: Snapshot): Promise<boolean> {
    const offered = valid('the snapshot', snapshotSchema, given) as Snapshot;
    const { environment: name, projects, epoch, version } = offered;
    return this.#ledger.transact<boolean>(async () => {
      const keys = projects.map((project) => ({ kind: 'project', name: project.name }) as const);
      const now = await this.#ledger.read({ kind: 'environment', name }, ...keys);
      const entry = now.get('environment', name);
      const { value: document } = entry;
      const indexes = projects.map((project) => now.get('project', project.name));
      const untouched = document !== undefined && epoch !== now.epoch && mayTake(document, offered);
      if (!untouched || indexes.some(({ value }, place) => clashes(value, projects[place] as DeployedProject))) return { result: false };

      const createdAt = this.#clock.date();
      const next: Omit<EnvironmentDocument, 'spec'> = {
        input: document.input,
        version: Math.max(document.version, version) + 1,
        hash: this.#snapshots.hash(document.spec.variables, projects),
        deployments: projects.map(deploymentOf),
        restored: { epoch, version },
      };
      const put = projects.flatMap(({ name, revision, project }, place) => {
        const hash = contentHash(project);
        const index = withRevision(indexes[place]?.value, { revision, version: project.version, hash, createdAt });
        return [
          { kind: 'project', name, text: JSON.stringify(index) },
          { kind: 'revision', name: revisionName(name, revision), text: JSON.stringify({ project, hash, createdAt }) },
        ] as const;
      });
      const change = {
        epoch: now.epoch,
        expect: [entry, ...indexes],
        put: [{ kind: 'environment', name, text: environmentText(next) } as const, ...put],
        news: [{ kind: 'snapshot', name, version: next.version } as const, ...keys],
      };
      return { result: true, change };
    });
  }
}

/** Whether no operator has deployed anything since, and nothing as new was given back already. */
function mayTake({ version, restored }: EnvironmentDocument, offered: Snapshot): boolean {
  if (restored === undefined) return version === 0;
  return restored.epoch === offered.epoch && restored.version < offered.version;
}

/** Whether that number has, or as the newest would hide, what an operator has pushed since. */
function clashes(index: DocumentOf<'project'> | undefined, { revision, project }: DeployedProject): boolean {
  if (index === undefined) return false;
  const known = index.revisions.find((one) => one.revision === revision);
  return known === undefined ? !index.restored && revision > index.latest : known.hash !== contentHash(project);
}

type Known = DocumentOf<'project'>['revisions'][number];

function withRevision(index: DocumentOf<'project'> | undefined, added: Known): DocumentOf<'project'> {
  if (index?.revisions.some(({ revision }) => revision === added.revision)) return index;
  const revisions = [...(index?.revisions ?? []), added].sort((one, other) => one.revision - other.revision);
  return { latest: Math.max(index?.latest ?? 0, added.revision), revisions, restored: true };
}

function deploymentOf({ name, revision, project }: { name: string; revision: number; project: Project }): Deployment {
  return { name, revision, basePath: project.basePath, history: [] };
}
