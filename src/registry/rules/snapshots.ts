import { SluiceError } from '../../model/fault.ts';
import type { DeployedProject, Snapshot } from '../../model/snapshot.ts';
import { contentHash } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import { type Deployment, type EnvironmentDocument, revisionName } from '../documents.ts';
import type { Ledger } from './ledger.ts';

/**
 * Puts snapshots together from an environment's deployments and the revisions they name. Revisions never change, so
 * that nothing but the environment's own small document needs to be read in one moment.
 */
export class Snapshots {
  readonly #ledger: Ledger;
  /** The latest of each environment: a deploy is asked for by every server of it. */
  readonly #latest = new Map<string, Snapshot>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  hash(variables: Snapshot['variables'], projects: readonly DeployedProject[]): string {
    return contentHash({ variables, projects });
  }

  /** The projects of these deployments, sorted by name. */
  async projects(epoch: string, deployments: readonly Deployment[]): Promise<DeployedProject[]> {
    if (deployments.length === 0) return [];
    const names = deployments.map(({ name, revision }) => revisionName(name, revision));
    const reading = await this.#ledger.read(...names.map((name) => ({ kind: 'revision', name }) as const));
    if (reading.epoch !== epoch) throw new SluiceError('unavailable', 'the registry was replaced by another one just now: try again');
    return deployments.map(({ name, revision }, index) => {
      const { value } = reading.get('revision', names[index] as string);
      if (value) return { name, revision, project: value.project };
      throw new SluiceError(
        'internal',
        `the registry lost revision ${revision} of project "${name}": undeploy it, then push and deploy it again`,
      );
    });
  }

  /** What an environment's document stands for. */
  async of(environment: string, epoch: string, document: EnvironmentDocument): Promise<Snapshot> {
    const id = snapshotIdOf(epoch, document);
    const latest = this.#latest.get(environment);
    if (latest && sameSnapshot(latest, id)) return latest;
    const projects = await this.projects(epoch, document.deployments);
    const snapshot = { ...id, environment, variables: document.spec.variables, projects };
    this.#latest.set(environment, snapshot);
    return snapshot;
  }

  /** To be called when an environment is no more. */
  forget(environment: string): void {
    this.#latest.delete(environment);
  }
}

/** Which snapshot an environment's document stands for. */
export function snapshotIdOf(epoch: string, { version, hash }: EnvironmentDocument): SnapshotId {
  return { epoch, version, hash };
}
