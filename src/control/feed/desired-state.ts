import type { Happening } from '../../api/answers.ts';
import type { News } from '../../model/news.ts';
import type { Registry } from '../../registry/contract.ts';
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
  #projects: ReadonlyMap<string, number> | undefined;
  readonly #deployments = new Map<string, DeployedRevisions>();
  #environmentsStale = true;
  #projectsStale = true;
  /** Environments whose deployments may have changed. */
  readonly #deploymentsStale = new Set<string>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Names of all environments, as of the last read. */
  get environments(): Iterable<string> {
    return this.#environments?.keys() ?? [];
  }

  /** Marks the parts that `news` is about as stale. */
  markStale(news: News): void {
    if (news.kind === 'environment' || news.kind === 'resync') this.#environmentsStale = true;
    if (news.kind === 'project' || news.kind === 'resync') this.#projectsStale = true;
    if (news.kind === 'snapshot') this.#deploymentsStale.add(news.name);
    if (news.kind === 'resync') for (const name of this.#deployments.keys()) this.#deploymentsStale.add(name);
  }

  /** Reads stale parts again and passes changes to `report`. Rejects if the registry does not answer; the part then stays stale. */
  async refresh(at: number, report: (happenings: readonly Happening[]) => void): Promise<void> {
    if (this.#environmentsStale) {
      this.#environmentsStale = false;
      report(await this.#readEnvironments(at).catch((error) => this.#failed(error, { kind: 'environment', name: '' })));
    }
    if (this.#projectsStale) {
      this.#projectsStale = false;
      report(await this.#readProjects(at).catch((error) => this.#failed(error, { kind: 'project', name: '' })));
    }
    for (const name of [...this.#deploymentsStale]) {
      this.#deploymentsStale.delete(name);
      report(await this.#readDeployments(at, name).catch((error) => this.#failed(error, { kind: 'snapshot', name, version: 0 })));
    }
  }

  #failed(error: unknown, unread: News): never {
    this.markStale(unread);
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

  async #readProjects(at: number): Promise<Happening[]> {
    const now = new Map((await this.#registry.projects()).map(({ name, latest }) => [name, latest]));
    const before = this.#projects ?? now;
    this.#projects = now;
    return projectHappenings(at, before, now);
  }

  async #readDeployments(at: number, environment: string): Promise<Happening[]> {
    // The environment was deleted meanwhile.
    if (this.#environments?.has(environment) !== true) return [];
    const { version, projects } = await this.#registry.snapshot(environment);
    const now: DeployedRevisions = { environment, version, revisions: new Map(projects.map(({ name, revision }) => [name, revision])) };
    const before = this.#deployments.get(environment) ?? now;
    this.#deployments.set(environment, now);
    return deploymentHappenings(at, before, now);
  }
}
