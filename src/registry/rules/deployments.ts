import { SluiceError } from '../../model/fault.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { normalBasePath } from '../../projects/base-path.ts';
import { faultsIn, listed } from '../../projects/project-plan.ts';
import { type Deployment, type DocumentOf, type EnvironmentDocument, revisionName } from '../documents.ts';
import { environmentText } from './environments.ts';
import type { CheckedReading, Decision, Entry, Ledger } from './ledger.ts';
import { noSuch, notAmong } from './refusals.ts';
import { type Snapshots, served } from './snapshots.ts';

/** Number of rollbacks in a row that a project's history allows. */
const historyLength = 10;

/** An environment that exists, as it was read. */
interface FoundEnvironment {
  readonly epoch: string;
  readonly entry: Entry<'environment'>;
  readonly document: EnvironmentDocument;
}

/** Rules for what is deployed to which environment. */
export class Deployments {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;

  constructor(ledger: Ledger, snapshots: Snapshots) {
    this.#ledger = ledger;
    this.#snapshots = snapshots;
  }

  async snapshot(environment: string): Promise<Snapshot> {
    const { epoch, document } = await this.#find(await this.#ledger.read({ kind: 'environment', name: environment }), environment);
    return this.#snapshots.of(environment, epoch, document);
  }

  async deploy(environment: string, project: string, options: { revision?: number; expect?: number }): Promise<Snapshot> {
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name: environment }, { kind: 'project', name: project });
      const found = await this.#find(now, environment, options.expect);
      const known = now.get('project', project);
      const { value: index } = known;
      if (!index) throw await noSuch(this.#ledger, 'project', project);
      const revision = options.revision ?? index.latest;
      mustHave(project, index, revision);

      const present = deploymentOf(found.document, project);
      if (present?.revision === revision) return { result: await this.#snapshots.of(environment, found.epoch, found.document) };
      const history = present ? [...present.history, present.revision].slice(-historyLength) : [];
      // The index is expected unchanged: a revision is removed only together with a change of its project's index.
      return this.#replace(found, project, await this.#deployment(found, project, { revision, history, present }), [known]);
    });
  }

  async undeploy(environment: string, project: string, options: { expect?: number }): Promise<Snapshot> {
    return this.#ledger.transact(async () => {
      const found = await this.#findDeployed(environment, project, options.expect);
      return this.#replace(found, project, undefined);
    });
  }

  /** Goes one step further back with each call. A later deploy continues from the step that was reached. */
  async rollback(environment: string, project: string, options: { expect?: number }): Promise<Snapshot> {
    return this.#ledger.transact(async () => {
      const found = await this.#findDeployed(environment, project, options.expect);
      const present = deploymentOf(found.document, project) as Deployment;
      const { revision, history } = present;
      const previous = history.at(-1);
      const none = `environment "${environment}" has no record of a revision of "${project}" before ${revision}: there is nothing to roll back to`;
      if (previous === undefined) throw new SluiceError('not-found', none);
      return this.#replace(
        found,
        project,
        await this.#deployment(found, project, { revision: previous, history: history.slice(0, -1), present }),
      );
    });
  }

  async #findDeployed(environment: string, project: string, expect?: number): Promise<FoundEnvironment> {
    const found = await this.#find(await this.#ledger.read({ kind: 'environment', name: environment }), environment, expect);
    if (deploymentOf(found.document, project)) return found;
    const others = found.document.deployments.map(({ name }) => name);
    throw notAmong(`project "${project}" is not deployed to environment "${environment}"`, others);
  }

  async #find(now: CheckedReading, environment: string, expect?: number): Promise<FoundEnvironment> {
    const entry = now.get('environment', environment);
    const { value: document } = entry;
    if (!document) throw await noSuch(this.#ledger, 'environment', environment);
    if (expect !== undefined && expect !== document.version) {
      const message = `environment "${environment}" is at version ${document.version}, not ${expect}: look at what changed, then try again`;
      throw new SluiceError('version-mismatch', message);
    }
    return { epoch: now.epoch, entry, document };
  }

  /** Makes a deployment of a revision that the environment's servers can serve. Rejects with `invalid` and every fault if they cannot. */
  async #deployment(
    { entry: { name: environment }, document: { spec } }: FoundEnvironment,
    name: string,
    { revision, history, present }: { revision: number; history: number[]; present: Deployment | undefined },
  ): Promise<Deployment> {
    const key = { kind: 'revision', name: revisionName(name, revision) } as const;
    const { value } = (await this.#ledger.read(key)).get('revision', key.name);
    if (value) {
      const faults = faultsIn(value.project, spec.variables);
      if (faults.length > 0) {
        const refused = `revision ${revision} of project "${name}" cannot be served in environment "${environment}"`;
        throw new SluiceError('invalid', `${refused}: ${listed(faults)}`, { faults });
      }
      const fallback = present && (await this.#lastAccepted(environment, present));
      const { basePath } = value.project;
      return { name, revision, basePath, history, ...(fallback !== undefined && fallback !== revision && { fallback }) };
    }
    throw new SluiceError('not-found', `revision ${revision} of project "${name}" was removed: deploy another revision`);
  }

  /**
   * Finds the last revision that servers accepted, up to the current one. A revision that no server accepted yet does not take the place of
   * one that ran, and never becomes the fallback once a server has rejected it.
   */
  async #lastAccepted(environment: string, { name, revision, fallback }: Deployment): Promise<number | undefined> {
    const servers = (await this.#ledger.list('server')).all('server').filter(({ value }) => value.environment === environment);
    const states = servers.flatMap(({ value }) => value.projects.filter((project) => project.name === name));
    if (states.some((project) => project.state === 'active' && project.revision === revision)) return revision;
    return fallback ?? (states.some(({ state }) => state === 'rejected') ? undefined : revision);
  }

  async #replace(
    { epoch, entry, document }: FoundEnvironment,
    project: string,
    next: Deployment | undefined,
    unchanged: readonly Entry<'project'>[] = [],
  ): Promise<Decision<Snapshot>> {
    const others = document.deployments.filter(({ name }) => name !== project);
    if (next) mustBeFree(entry.name, next, others);
    const deployments = next ? [...others, next].sort((one, other) => (one.name < other.name ? -1 : 1)) : others;
    const projects = await this.#snapshots.projects(epoch, deployments);
    const version = document.version + 1;
    const hash = this.#snapshots.hash(document.spec, projects);
    const { kind, name } = entry;
    const { input, drained } = document;
    return {
      result: { epoch, version, hash, environment: name, ...served(document.spec), projects },
      change: {
        epoch,
        expect: [entry, ...unchanged],
        put: [{ kind, name, text: environmentText({ input, version, hash, deployments, ...(drained && { drained }) }) }],
        news: [{ kind: 'snapshot', name, version }],
      },
    };
  }
}

function deploymentOf(document: EnvironmentDocument, project: string): Deployment | undefined {
  return document.deployments.find(({ name }) => name === project);
}

function mustHave(project: string, index: DocumentOf<'project'>, revision: number): void {
  const existing = index.revisions.map((entry) => entry.revision);
  if (!existing.includes(revision)) throw notAmong(`project "${project}" has no revision ${revision}`, existing);
}

function mustBeFree(environment: string, next: Deployment, others: readonly Deployment[]): void {
  const wanted = normalBasePath(next.basePath);
  const holder = others.find(({ basePath }) => normalBasePath(basePath) === wanted);
  if (!holder) return;
  const message = `base path ${next.basePath} is taken in environment "${environment}" by project "${holder.name}" (revision ${holder.revision})`;
  throw new SluiceError('base-path-taken', `${message}: undeploy that project, or change one of the two base paths`);
}
