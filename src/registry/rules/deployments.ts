import { SluiceError } from '../../model/fault.ts';
import type { Manifest } from '../../model/manifest.ts';
import { reportedState } from '../../model/reported-state.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { listed } from '../../projects/project-plan.ts';
import type { Deployed } from '../contract.ts';
import { changeName, type Deployment, type DocumentOf, deploymentName, type EnvironmentDocument } from '../documents.ts';
import type { Key } from '../store.ts';
import type { DeployableRevisions } from './deployable-revisions.ts';
import { DeployedProjects, entryOf } from './deployed-projects.ts';
import { environmentText } from './environments.ts';
import type { CheckedReading, Decision, Entry, Ledger } from './ledger.ts';
import { noSuch, notAmong } from './refusals.ts';
import { type Snapshots, snapshotIdOf } from './snapshots.ts';

/** Number of rollbacks in a row that a project's history allows. */
const historyLength = 10;

/** An environment that exists, as it was read. */
interface FoundEnvironment {
  readonly epoch: string;
  readonly entry: Entry<'environment'>;
  readonly document: EnvironmentDocument;
  readonly deployed: DeployedProjects;
}

/** Rules for what is deployed to which environment. */
export class Deployments {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  readonly #revisions: DeployableRevisions;

  constructor(ledger: Ledger, snapshots: Snapshots, revisions: DeployableRevisions) {
    this.#ledger = ledger;
    this.#revisions = revisions;
    this.#snapshots = snapshots;
  }

  async snapshot(environment: string): Promise<Snapshot> {
    const { epoch, document } = await this.#find(await this.#ledger.read({ kind: 'environment', name: environment }), environment);
    return this.#snapshots.of(environment, epoch, document);
  }

  /** Describes what is deployed, or only what changed since a snapshot, if that is still known. */
  async manifest(environment: string, since?: SnapshotId): Promise<Manifest> {
    const { epoch, document } = await this.#find(await this.#ledger.read({ kind: 'environment', name: environment }), environment);
    return this.#snapshots.manifest(environment, epoch, document, since);
  }

  async snapshotId(environment: string): Promise<SnapshotId> {
    const { epoch, document } = await this.#find(await this.#ledger.read({ kind: 'environment', name: environment }), environment);
    return snapshotIdOf(epoch, document);
  }

  async deploy(environment: string, project: string, options: { revision?: number; expect?: number }): Promise<Deployed> {
    return this.#ledger.transact(async () => {
      const now = await this.#read(environment, project, { kind: 'project', name: project });
      const found = await this.#find(now, environment, options.expect);
      const known = now.get('project', project);
      const { value: index } = known;
      if (!index) throw await noSuch(this.#ledger, 'project', project);
      const revision = options.revision ?? index.latest;
      mustHave(project, index, revision);

      const present = await found.deployed.find(project, now);
      if (present?.revision === revision)
        return { result: { ...snapshotIdOf(found.epoch, found.document), environment, deployment: entryOf(present) } };
      const history = present ? [...present.history, present.revision].slice(-historyLength) : [];
      // The index is expected unchanged: a revision is removed only together with a change of its project's index.
      return this.#replace(found, present, await this.#deployment(found, project, { revision, history, present }), [known]);
    }, environment);
  }

  async undeploy(environment: string, project: string, options: { expect?: number }): Promise<Deployed> {
    return this.#ledger.transact(async () => {
      const { found, present } = await this.#findDeployed(environment, project, options.expect);
      return this.#replace(found, present, undefined);
    }, environment);
  }

  /** Goes one step further back with each call. A later deploy continues from the step that was reached. */
  async rollback(environment: string, project: string, options: { expect?: number }): Promise<Deployed> {
    return this.#ledger.transact(async () => {
      const { found, present } = await this.#findDeployed(environment, project, options.expect);
      const { revision, history } = present;
      const previous = history.at(-1);
      const none = `environment "${environment}" has no record of a revision of "${project}" before ${revision}: there is nothing to roll back to`;
      if (previous === undefined) throw new SluiceError('not-found', none);
      return this.#replace(
        found,
        present,
        await this.#deployment(found, project, { revision: previous, history: history.slice(0, -1), present }),
      );
    }, environment);
  }

  async #findDeployed(
    environment: string,
    project: string,
    expect?: number,
  ): Promise<{ readonly found: FoundEnvironment; readonly present: Deployment }> {
    const now = await this.#read(environment, project);
    const found = await this.#find(now, environment, expect);
    const present = await found.deployed.find(project, now);
    if (present) return { found, present };
    const others = (await found.deployed.all()).deployments.map(({ name }) => name);
    throw notAmong(`project "${project}" is not deployed to environment "${environment}"`, others);
  }

  /** Reads an environment, and a project's deployment there, if it has a document of its own. */
  #read(environment: string, project: string, ...others: Key[]): Promise<CheckedReading> {
    const deployment = { kind: 'deployment', name: deploymentName(environment, project) } as const;
    return this.#ledger.read({ kind: 'environment', name: environment }, deployment, ...others);
  }

  async #find(now: CheckedReading, environment: string, expect?: number): Promise<FoundEnvironment> {
    const entry = now.get('environment', environment);
    const { value: document } = entry;
    if (!document) throw await noSuch(this.#ledger, 'environment', environment);
    if (expect !== undefined && expect !== document.version) {
      const message = `environment "${environment}" is at version ${document.version}, not ${expect}: look at what changed, then try again`;
      throw new SluiceError('version-mismatch', message);
    }
    return { epoch: now.epoch, entry, document, deployed: new DeployedProjects(this.#ledger, environment, document) };
  }

  /** Makes a deployment of a revision that the environment's servers can serve. Rejects with `invalid` and every fault if they cannot. */
  async #deployment(
    { epoch, entry: { name: environment }, document: { spec, version } }: FoundEnvironment,
    name: string,
    { revision, history, present }: { revision: number; history: number[]; present: Deployment | undefined },
  ): Promise<Deployment> {
    const found = await this.#revisions.find(name, revision, spec.variables);
    if (found === undefined)
      throw new SluiceError('not-found', `revision ${revision} of project "${name}" was removed: deploy another revision`);
    const { basePath, hash, faults } = found;
    if (faults.length > 0) {
      const refused = `revision ${revision} of project "${name}" cannot be served in environment "${environment}"`;
      throw new SluiceError('invalid', `${refused}: ${listed(faults)}`, { faults });
    }
    const fallback = present && (await this.#lastAccepted(environment, epoch, present));
    const made = { name, revision, basePath, history, hash, since: version + 1 };
    return { ...made, ...(fallback?.fallback !== revision && fallback) };
  }

  /**
   * Finds the last revision that servers accepted, up to the current one. A revision that no server accepted yet does not take the place of
   * one that ran, and never becomes the fallback once a server has rejected it.
   */
  async #lastAccepted(
    environment: string,
    epoch: string,
    { name, revision, hash, since, fallback, fallbackHash }: Deployment,
  ): Promise<Pick<Deployment, 'fallback' | 'fallbackHash'> | undefined> {
    const servers = (await (await this.#ledger.list('server')).allInTurns('server')).filter(
      ({ value }) => value.environment === environment,
    );
    const states = servers.map(({ value }) => reportedState(value, { name, revision, since, epoch }));
    const present = { fallback: revision, ...(hash !== undefined && { fallbackHash: hash }) };
    if (states.some((own) => own?.state === 'active' && own.revision === revision)) return present;
    if (fallback !== undefined) return { fallback, ...(fallbackHash !== undefined && { fallbackHash }) };
    return states.some((own) => own?.state === 'rejected') ? undefined : present;
  }

  async #replace(
    { epoch, entry, document, deployed }: FoundEnvironment,
    present: Deployment | undefined,
    next: Deployment | undefined,
    unchanged: readonly Entry<'project'>[] = [],
  ): Promise<Decision<Deployed>> {
    if (next) mustBeFree(entry.name, next, await deployed.rival(next));
    const { part, hash, put, remove } = await deployed.replaced(present, next);
    const version = document.version + 1;
    const { kind, name } = entry;
    const { input, drained, decidesTls } = document;
    const made = next ? { put: entryOf(next) } : { removed: present?.name };
    const change = JSON.stringify({ version, from: document.hash, hash, ...made });
    return {
      result: { epoch, version, hash, environment: name, ...(next && { deployment: entryOf(next) }) },
      change: {
        epoch,
        expect: [entry, ...unchanged],
        put: [
          {
            kind,
            name,
            text: environmentText({ input, version, hash, ...part, ...(drained && { drained }), ...(decidesTls && { decidesTls }) }),
          },
          { kind: 'change', name: changeName(name, version), text: change },
          ...put,
        ],
        remove,
        news: [{ kind: 'snapshot', name, version }],
      },
    };
  }
}

function mustHave(project: string, index: DocumentOf<'project'>, revision: number): void {
  const existing = index.revisions.map((entry) => entry.revision);
  if (!existing.includes(revision)) throw notAmong(`project "${project}" has no revision ${revision}`, existing);
}

function mustBeFree(environment: string, next: Deployment, holder: Deployment | undefined): void {
  if (holder === undefined) return;
  const message = `base path ${next.basePath} is taken in environment "${environment}" by project "${holder.name}" (revision ${holder.revision})`;
  throw new SluiceError('base-path-taken', `${message}: undeploy that project, or change one of the two base paths`);
}
