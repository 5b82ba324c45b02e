import type { Happening } from '../../api/answers.ts';
import type { News } from '../../model/news.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import type { Registry } from '../../registry/contract.ts';
import { NotedCallers } from './caller-happenings.ts';
import { type DeployedRevisions, deploymentHappenings, environmentHappenings, projectHappenings } from './happenings.ts';

/**
 * Tracks the desired state in the registry (environments, projects, deployments) and reports its changes as happenings. News marks parts
 * as stale; {@link DesiredState.refresh} reads those again and compares them with what was read before. The first read of a part is only its baseline.
 */
export class DesiredState {
  readonly #registry: Registry;
  /** Settings as JSON, by environment; undefined before the first read. */
  #environments: ReadonlyMap<string, string> | undefined;
  /** Newest revision, by project; undefined before the first read. */
  #projects: Map<string, number> | undefined;
  readonly #deployments = new Map<string, KnownDeployments>();
  #environmentsStale = true;
  /** Projects that may have changed, or all. */
  #projectsStale: Set<string> | 'all' = 'all';
  /** Environments whose deployments may have changed. */
  readonly #deploymentsStale = new Set<string>();
  readonly #callers = new NotedCallers();

  constructor(registry: Registry) {
    this.#registry = registry;
    registry.consumers?.onChange((changes) => this.#callers.note(changes));
  }

  /** Names of all environments, as of the last read. */
  get environments(): Iterable<string> {
    return this.#environments?.keys() ?? [];
  }

  /** Marks the parts that `news` is about as stale. */
  markStale(news: News): void {
    if (news.kind === 'environment' || news.kind === 'resync') this.#environmentsStale = true;
    if (news.kind === 'resync') this.#projectsStale = 'all';
    if (news.kind === 'project' && this.#projectsStale !== 'all') this.#projectsStale.add(news.name);
    if (news.kind === 'snapshot') this.#deploymentsStale.add(news.name);
    if (news.kind === 'resync') for (const name of this.#deployments.keys()) this.#deploymentsStale.add(name);
  }

  /** Reads stale parts again and passes changes to `report`. Rejects if the registry does not answer; the part then stays stale. */
  async refresh(at: number, report: (happenings: readonly Happening[]) => void): Promise<void> {
    if (this.#environmentsStale) {
      this.#environmentsStale = false;
      report(await this.#readEnvironments(at).catch((error) => this.#failed(error, { kind: 'environment', name: '' })));
    }
    const stale = this.#projectsStale;
    if (stale === 'all' || stale.size > 0) {
      this.#projectsStale = new Set();
      report(await this.#readProjects(at, stale).catch((error) => this.#projectsFailed(error, stale)));
    }
    for (const name of [...this.#deploymentsStale]) {
      this.#deploymentsStale.delete(name);
      report(await this.#readDeployments(at, name).catch((error) => this.#failed(error, { kind: 'snapshot', name, version: 0 })));
    }
  }

  /**
   * Reads consumers and products as they are now, and passes changes to `report`. They are always read: a registry that has lost them has no news of
   * that, and gets them back.
   */
  async refreshCallers(at: number, report: (happenings: readonly Happening[]) => void): Promise<void> {
    await this.#registry.consumers?.catchUp();
    report(this.#callers.take(at));
  }

  #failed(error: unknown, unread: News): never {
    this.markStale(unread);
    throw error;
  }

  #projectsFailed(error: unknown, stale: ReadonlySet<string> | 'all'): never {
    if (stale === 'all' || this.#projectsStale === 'all') this.#projectsStale = 'all';
    else this.#projectsStale = new Set([...this.#projectsStale, ...stale]);
    throw error;
  }

  async #readEnvironments(at: number): Promise<Happening[]> {
    const now = new Map((await this.#registry.environments()).map(({ name, spec }) => [name, JSON.stringify(spec)]));
    const before = this.#environments;
    this.#environments = now;
    for (const name of this.#deployments.keys()) if (!now.has(name)) this.#deployments.delete(name);
    for (const environment of now.keys()) {
      if (this.#deployments.has(environment)) continue;
      // A new environment has no deployments yet: its first ones are changes, not a baseline.
      if (before !== undefined) this.#deployments.set(environment, { environment, version: 0, revisions: new Map() });
      this.#deploymentsStale.add(environment);
    }
    return environmentHappenings(at, before ?? now, now);
  }

  async #readProjects(at: number, stale: ReadonlySet<string> | 'all'): Promise<Happening[]> {
    if (stale !== 'all' && this.#projects !== undefined) {
      const projects = this.#projects;
      const read = await Promise.all([...stale].map((name) => this.#registry.project(name)));
      const changed = new Map(read.flatMap((project) => (project === undefined ? [] : [[project.name, project.latest] as const])));
      const known = new Map([...stale].flatMap((name) => (projects.has(name) ? [[name, projects.get(name) as number] as const] : [])));
      for (const name of stale) projects.delete(name);
      for (const [name, latest] of changed) projects.set(name, latest);
      const happenings = projectHappenings(at, known, changed);
      return happenings;
    }
    const now = new Map((await this.#registry.projects()).map(({ name, latest }) => [name, latest]));
    const before = this.#projects ?? now;
    this.#projects = now;
    return projectHappenings(at, before, now);
  }

  async #readDeployments(at: number, environment: string): Promise<Happening[]> {
    // The environment was deleted meanwhile.
    if (this.#environments?.has(environment) !== true) return [];
    const before = this.#deployments.get(environment);
    const { epoch, version, hash, from, put, removed } = await this.#registry.manifest(environment, before?.id);
    const id = { epoch, version, hash };
    const next = new Map(put.map(({ name, revision }) => [name, revision]));
    if (before === undefined || from === undefined) {
      this.#deployments.set(environment, { id, environment, version, revisions: next });
      return before === undefined ? [] : deploymentHappenings(at, before, { environment, version, revisions: next });
    }
    const { revisions } = before;
    const changed = [...next.keys(), ...removed].flatMap((name) => {
      const revision = revisions.get(name);
      return revision === undefined ? [] : [[name, revision] as const];
    });
    const happenings = deploymentHappenings(at, { ...before, revisions: new Map(changed) }, { environment, version, revisions: next });
    for (const [name, revision] of next) revisions.set(name, revision);
    for (const name of removed) revisions.delete(name);
    this.#deployments.set(environment, { id, environment, version, revisions });
    return happenings;
  }
}

/** An environment's deployments as they were read last, of the snapshot `id`; without it, as they must have been before the first read. */
interface KnownDeployments extends DeployedRevisions {
  readonly id?: SnapshotId;
  readonly revisions: Map<string, number>;
}
