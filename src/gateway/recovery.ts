import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** A registry that has lost data: nothing is undeployed because of that, and it gets back what this server knows. */
export class Recovery {
  readonly #restore: (snapshot: Snapshot) => Promise<boolean>;
  readonly #deployments: SnapshotApplier;
  readonly #logger: Logger;
  /** The last that the registry gave to this process; what only the disk has may be of another life. */
  #given: Snapshot | undefined;
  /** The registry that has lost everything, and how far that was dealt with. */
  #loss: { readonly epoch: string; stage: 'found' | 'offered' | 'told' } | undefined;

  /** @param parts.restore `Registry.restore` */
  constructor(parts: { restore: (snapshot: Snapshot) => Promise<boolean>; deployments: SnapshotApplier; logger: Logger }) {
    this.#restore = parts.restore;
    this.#deployments = parts.deployments;
    this.#logger = parts.logger;
  }

  /** Whether this is no order to undeploy everything: another registry than before, with nothing in it, was filled anew. */
  isLoss({ environment, epoch, projects }: Snapshot): boolean {
    const { running, states, environment: present } = this.#deployments;
    return projects.length === 0 && present === environment && running?.epoch !== epoch && states.length > 0;
  }

  /** The registry gave a snapshot that is none; if it is older than the one before, that is said. */
  follow(snapshot: Snapshot): void {
    const { environment, epoch, version } = snapshot;
    const before = this.#given;
    this.#given = snapshot;
    this.#loss = undefined;
    if (before?.environment !== environment || before.epoch !== epoch || before.version <= version) return;
    this.#logger.warn(
      { environment, from: before.version, to: version },
      'the registry is back with older data: what was deployed since then is undone, and has to be deployed again',
    );
  }

  /** Once for each loss, offers what was deployed last; if that does not help, says what to do. True if the registry is to be asked again. */
  async attend({ environment, epoch }: Snapshot): Promise<boolean> {
    const given = this.#given?.environment === environment ? this.#given : undefined;
    if (this.#loss?.epoch !== epoch) {
      this.#loss = { epoch, stage: 'found' };
      if (given !== undefined) this.#announce(given);
    }
    if (this.#loss.stage === 'found' && given !== undefined) {
      await this.#offer(given);
      this.#loss.stage = 'offered';
      return true;
    }
    if (this.#loss.stage !== 'told')
      this.#logger.error(
        { environment },
        'the registry has lost every deployment: serving goes on with what was deployed last; push and deploy the projects again',
      );
    this.#loss.stage = 'told';
    return false;
  }

  #announce({ environment, version, projects }: Snapshot): void {
    this.#logger.error(
      { environment, version, projects: projects.map(({ name, revision }) => `${name}@${revision}`) },
      'the registry has lost every deployment: it is offered what was deployed last; all other revisions are lost',
    );
  }

  async #offer(snapshot: Snapshot): Promise<void> {
    const { environment, version } = snapshot;
    try {
      if (await this.#restore(snapshot)) this.#logger.info({ environment, version }, 'the registry has taken back what was deployed last');
    } catch (error) {
      // The join token decides nothing about deployments.
      if (!(error instanceof SluiceError && error.code === 'forbidden')) throw error;
    }
  }
}
