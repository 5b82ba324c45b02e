import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import { inTurns } from '../model/pieces.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import type { SnapshotStore } from './snapshot-store.ts';

type Received = Pick<SnapshotUpdate, 'environment' | 'epoch' | 'version'>;

/** Number of projects that a log line names at most. */
const mostNamed = 100;

/** Handles a registry that has lost its data: keeps serving the last deployments and offers them back to the registry. */
export class DataLossRecovery {
  readonly #restore: (snapshot: Snapshot) => Promise<boolean>;
  readonly #applier: SnapshotApplier;
  readonly #store: SnapshotStore;
  readonly #logger: Logger;
  /** The last snapshot that this process got from the registry. A snapshot of an earlier start is not offered, since it may be outdated. */
  #received: Received | undefined;
  /** The loss being handled: the epoch of the emptied registry, and the last step taken. */
  #loss: { readonly epoch: string; stage: 'found' | 'offered' | 'reported' } | undefined;

  /** @param parts.restore `Registry.restore` */
  constructor(parts: {
    restore: (snapshot: Snapshot) => Promise<boolean>;
    applier: SnapshotApplier;
    store: SnapshotStore;
    logger: Logger;
  }) {
    this.#restore = parts.restore;
    this.#applier = parts.applier;
    this.#store = parts.store;
    this.#logger = parts.logger;
  }

  /** True if an empty snapshot means data loss and not an order to undeploy everything: its epoch differs from the running one's. */
  isLoss({ environment, epoch, from, put }: SnapshotUpdate): boolean {
    const { running, counts, environment: present } = this.#applier;
    const empty = from === undefined && put.length === 0;
    return empty && present === environment && running?.epoch !== epoch && counts.deployed > 0;
  }

  /** Records a snapshot that is not a loss. Warns if its version is lower than the last one's. */
  record({ environment, epoch, version }: Received): void {
    const before = this.#received;
    this.#received = { environment, epoch, version };
    this.#loss = undefined;
    if (before?.environment !== environment || before.epoch !== epoch || before.version <= version) return;
    this.#logger.warn(
      { environment, from: before.version, to: version },
      'the registry was restored with older data: later deployments are undone; deploy them again',
    );
  }

  /** For each loss, offers the last snapshot once; if that does not help, logs the remedy once. Resolves with true if the lease should be renewed again at once. */
  async recover({ environment, epoch }: SnapshotUpdate): Promise<boolean> {
    const received = this.#received?.environment === environment;
    const known = this.#loss?.epoch === epoch ? this.#loss : undefined;
    const loss = known ?? { epoch, stage: 'found' };
    this.#loss = loss;
    if (known === undefined && received) this.#announce();
    const snapshot = loss.stage === 'found' && received ? await inTurns(this.#store.snapshotInPieces()) : undefined;
    if (snapshot !== undefined) {
      await this.#offer(snapshot);
      loss.stage = 'offered';
      return true;
    }
    if (loss.stage !== 'reported')
      this.#logger.error(
        { environment },
        'the registry has lost every deployment: the last deployed revisions are still served; push and deploy the projects again',
      );
    loss.stage = 'reported';
    return false;
  }

  #announce(): void {
    const { environment, running } = this.#applier;
    const projects = [...this.#applier.deployments()].slice(0, mostNamed).map(({ name, revision }) => `${name}@${revision}`);
    this.#logger.error(
      { environment, version: running?.version, deployed: this.#applier.counts.deployed, projects },
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
