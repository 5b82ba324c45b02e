import type { Clock } from '../../model/clock.ts';
import { contentHash } from '../../model/content-hash.ts';
import { type DeployedProject, type Snapshot, snapshot as snapshotSchema } from '../../model/snapshot.ts';
import { type Deployment, type DocumentOf, type EnvironmentDocument, revisionName } from '../documents.ts';
import { environmentText } from './environments.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';
import type { Snapshots } from './snapshots.ts';

/** Rules for the restoration of an environment from a gateway's snapshot, after the registry lost its data. */
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
    const offered: Snapshot = valid('the snapshot', snapshotSchema, given);
    const { environment: name, projects, epoch, version } = offered;
    return this.#ledger.transact<boolean>(async () => {
      const keys = projects.map((project) => ({ kind: 'project', name: project.name }) as const);
      const now = await this.#ledger.read({ kind: 'environment', name }, ...keys);
      const entry = now.get('environment', name);
      const { value: document } = entry;
      const indexes = projects.map((project) => now.get('project', project.name));
      const untouched = document !== undefined && epoch !== now.epoch && mayRestore(document, offered);
      if (!untouched || indexes.some(({ value }, index) => clashes(value, projects[index] as DeployedProject))) return { result: false };

      const createdAt = this.#clock.date();
      const next: Omit<EnvironmentDocument, 'spec'> = {
        input: document.input,
        version: Math.max(document.version, version) + 1,
        hash: this.#snapshots.hash(document.spec.variables, projects),
        deployments: projects.map(deploymentOf),
        restored: { epoch, version },
      };
      const put = projects.flatMap(({ name, revision, project }, index) => {
        const hash = contentHash(project);
        const projectIndex = withRevision(indexes[index]?.value, { revision, version: project.version, hash, createdAt });
        return [
          { kind: 'project', name, text: JSON.stringify(projectIndex) },
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

/** True if no operator has deployed anything since the loss, and no snapshot at least as new was restored already. */
function mayRestore({ version, restored }: EnvironmentDocument, offered: Snapshot): boolean {
  if (restored === undefined) return version === 0;
  return restored.epoch === offered.epoch && restored.version < offered.version;
}

/** True if an operator has pushed something since that has the offered number, or that the offered revision would hide by being newer. */
function clashes(index: DocumentOf<'project'> | undefined, { revision, project }: DeployedProject): boolean {
  if (index === undefined) return false;
  const known = index.revisions.find((one) => one.revision === revision);
  return known === undefined ? !index.restored && revision > index.latest : known.hash !== contentHash(project);
}

type IndexedRevision = DocumentOf<'project'>['revisions'][number];

function withRevision(index: DocumentOf<'project'> | undefined, added: IndexedRevision): DocumentOf<'project'> {
  if (index?.revisions.some(({ revision }) => revision === added.revision)) return index;
  const revisions = [...(index?.revisions ?? []), added].sort((one, other) => one.revision - other.revision);
  return { latest: Math.max(index?.latest ?? 0, added.revision), revisions, restored: true };
}

function deploymentOf({ name, revision, project }: DeployedProject): Deployment {
  return { name, revision, basePath: project.basePath, history: [] };
}
