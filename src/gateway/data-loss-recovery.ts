import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Handles a registry that has lost its data: keeps serving the last deployments and offers them back to the registry. */
export class DataLossRecovery {
  readonly #restore: (snapshot: Snapshot) => Promise<boolean>;
  readonly #applier: SnapshotApplier;
  readonly #logger: Logger;
  /** The last snapshot that this process got from the registry. A snapshot from disk is not offered, since it may be outdated. */
  #received: Snapshot | undefined;
  /** The loss being handled: the epoch of the emptied registry, and the last step taken. */
  #loss: { readonly epoch: string; stage: 'found' | 'offered' | 'reported' } | undefined;

  /** @param parts.restore `Registry.restore` */
  constructor(parts: { restore: (snapshot: Snapshot) => Promise<boolean>; applier: SnapshotApplier; logger: Logger }) {
    this.#restore = parts.restore;
    this.#applier = parts.applier;
    this.#logger = parts.logger;
  }

  /** True if an empty snapshot means data loss and not an order to undeploy everything: its epoch differs from the running one's. */
  isLoss({ environment, epoch, projects }: Snapshot): boolean {
    const { running, states, environment: present } = this.#applier;
    return projects.length === 0 && present === environment && running?.epoch !== epoch && states.length > 0;
  }

  /** Records a snapshot that is not a loss. Warns if its version is lower than the last one's. */
  record(snapshot: Snapshot): void {
    const { environment, epoch, version } = snapshot;
    const before = this.#received;
    this.#received = snapshot;
    this.#loss = undefined;
    if (before?.environment !== environment || before.epoch !== epoch || before.version <= version) return;
    this.#logger.warn(
      { environment, from: before.version, to: version },
      'the registry was restored with older data: later deployments are undone; deploy them again',
    );
  }

  /** For each loss, offers the last snapshot once; if that does not help, logs the remedy once. Resolves with true if the lease should be renewed again at once. */
  async recover({ environment, epoch }: Snapshot): Promise<boolean> {
    const received = this.#received?.environment === environment ? this.#received : undefined;
    if (this.#loss?.epoch !== epoch) {
      this.#loss = { epoch, stage: 'found' };
      if (received !== undefined) this.#announce(received);
    }
    if (this.#loss.stage === 'found' && received !== undefined) {
      await this.#offer(received);
      this.#loss.stage = 'offered';
      return true;
    }
    if (this.#loss.stage !== 'reported')
      this.#logger.error(
        { environment },
        'the registry has lost every deployment: the last deployed revisions are still served; push and deploy the projects again',
      );
    this.#loss.stage = 'reported';
    return false;
  }

  #announce({ environment, version, projects }: Snapshot): void {
    this.#logger.error(
      { environment, version, projects: projects.map(({ name, revision }) => `${name}@${revision}`) },
      'the registry has lost every deployment: it is offered the last deployed revisions; all other revisions are lost',
    );
  }

  async #offer(snapshot: Snapshot): Promise<void> {
    const { environment, version } = snapshot;
    try {
      if (await this.#restore(snapshot))
        this.#logger.info({ environment, version }, 'the registry has taken back the last deployed revisions');
    } catch (error) {
      // A join token does not allow restoring deployments.
      if (!(error instanceof SluiceError && error.code === 'forbidden')) throw error;
    }
  }
}
