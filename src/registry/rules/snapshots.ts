import { contentHash } from '../../model/content-hash.ts';
import type { EnvironmentSpec } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import { type DeployedProject, type Snapshot, unservable } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import { type Deployment, type EnvironmentDocument, revisionName } from '../documents.ts';
import type { Ledger } from './ledger.ts';

/**
 * Builds snapshots from an environment's deployments and the revisions they name. Since revisions never change, only the
 * environment's own small document has to be read atomically.
 */
export class Snapshots {
  readonly #ledger: Ledger;
  /** The latest snapshot of each environment: after a deploy every server of the environment asks for it. */
  readonly #latest = new Map<string, Snapshot>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  hash(spec: EnvironmentSpec, projects: readonly DeployedProject[]): string {
    return contentHash({ ...served(spec), projects });
  }

  /** Reads the projects of these deployments; they are sorted by name. One that is lost or cannot be read gets a `fault`. */
  async projects(epoch: string, deployments: readonly Deployment[]): Promise<DeployedProject[]> {
    if (deployments.length === 0) return [];
    const names = deployments.flatMap(({ name, revision, fallback }) =>
      [revision, ...(fallback === undefined ? [] : [fallback])].map((number) => revisionName(name, number)),
    );
    const reading = await this.#ledger.read(...names.map((name) => ({ kind: 'revision', name }) as const));
    if (reading.epoch !== epoch) throw new SluiceError('unavailable', 'the data of the registry was just replaced: try again');
    const project = (name: string, revision: number) => reading.get('revision', revisionName(name, revision)).value?.project;
    return deployments.map((deployment) => {
      const { name, revision, fallback } = deployment;
      const deployed = servable(deployment, () => project(name, revision));
      const earlier = fallback === undefined ? undefined : servable({ ...deployment, revision: fallback }, () => project(name, fallback));
      return earlier === undefined || earlier.fault !== undefined
        ? deployed
        : { ...deployed, fallback: { revision: earlier.revision, project: earlier.project } };
    });
  }

  /** Builds the snapshot that an environment's document describes. */
  async of(environment: string, epoch: string, document: EnvironmentDocument): Promise<Snapshot> {
    const id = snapshotIdOf(epoch, document);
    const latest = this.#latest.get(environment);
    if (latest && sameSnapshot(latest, id)) return latest;
    const projects = await this.projects(epoch, document.deployments);
    const snapshot = { ...id, environment, ...served(document.spec), projects };
    // A revision that cannot be read now may be readable later.
    if (projects.every(({ fault }) => fault === undefined)) this.#latest.set(environment, snapshot);
    return snapshot;
  }

  /** Drops the cached snapshot of an environment that was deleted. */
  forget(environment: string): void {
    this.#latest.delete(environment);
  }
}

/** Makes a deployed project of what `read` returns; with a `fault` if that is nothing, or fails because the document is damaged. */
function servable(deployment: Deployment, read: () => DeployedProject['project'] | undefined): DeployedProject {
  const { name, revision, basePath } = deployment;
  try {
    const project = read();
    if (project !== undefined) return { name, revision, project };
  } catch (error) {
    return unservable(deployment, (error as SluiceError).message, basePath);
  }
  return unservable(deployment, 'the registry has lost it: push the project and deploy it again', basePath);
}

/** Settings of an environment that its servers need. The default of `underscores` is left out, so that earlier snapshots keep their hash. */
export function served({ variables, underscores }: EnvironmentSpec): Pick<Snapshot, 'variables' | 'underscores'> {
  return { variables, ...(underscores !== 'drop' && { underscores }) };
}

/** Identity of the snapshot that an environment's document describes. */
export function snapshotIdOf(epoch: string, { version, hash }: EnvironmentDocument): SnapshotId {
  return { epoch, version, hash };
}
