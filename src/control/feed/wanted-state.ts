import type { Happening } from '../../api/answers.ts';
import type { News, Registry } from '../../registry/contract.ts';
import { deploymentHappenings, environmentHappenings, projectHappenings, type Wanted } from './happenings.ts';

/**
 * What operators want, in outline: environments, newest revisions, deployments. News says where to look again; what differs from the
 * last look has happened. The first look at anything only says where to begin.
 */
export class WantedState {
  readonly #registry: Registry;
  /** Settings as text, by environment. */
  #environments: ReadonlyMap<string, string> | undefined;
  /** Newest revision, by project. */
  #projects: ReadonlyMap<string, number> | undefined;
  readonly #deployments = new Map<string, Wanted>();
  #environmentsStale = true;
  #projectsStale = true;
  /** Environments whose deployments may have changed. */
  readonly #stale = new Set<string>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  note(news: News): void {
    if (news.kind === 'environment' || news.kind === 'resync') this.#environmentsStale = true;
    if (news.kind === 'project' || news.kind === 'resync') this.#projectsStale = true;
    if (news.kind === 'snapshot') this.#stale.add(news.name);
    if (news.kind === 'resync') for (const name of this.#deployments.keys()) this.#stale.add(name);
  }

  /** Looks where something may have changed, and tells what has. Rejects if the registry does not answer: the next look makes up for it. */
  async look(at: number, tell: (happenings: readonly Happening[]) => void): Promise<void> {
    if (this.#environmentsStale) {
      this.#environmentsStale = false;
      tell(await this.#lookAtEnvironments(at).catch((error) => this.#failed(error, { kind: 'environment', name: '' })));
    }
    if (this.#projectsStale) {
      this.#projectsStale = false;
      tell(await this.#lookAtProjects(at).catch((error) => this.#failed(error, { kind: 'project', name: '' })));
    }
    for (const name of [...this.#stale]) {
      this.#stale.delete(name);
      tell(await this.#lookAtDeployments(at, name).catch((error) => this.#failed(error, { kind: 'snapshot', name, version: 0 })));
    }
  }

  #failed(error: unknown, again: News): never {
    this.note(again);
    throw error;
  }

  async #lookAtEnvironments(at: number): Promise<Happening[]> {
    const now = new Map((await this.#registry.environments()).map(({ name, spec }) => [name, JSON.stringify(spec)]));
    const before = this.#environments;
    this.#environments = now;
    for (const name of this.#deployments.keys()) if (!now.has(name)) this.#deployments.delete(name);
    for (const environment of now.keys()) {
      if (this.#deployments.has(environment)) continue;
      if (before !== undefined) this.#deployments.set(environment, { environment, version: 0, revisions: new Map() });
      this.#stale.add(environment);
    }
    return environmentHappenings(at, before ?? now, now);
  }

  async #lookAtProjects(at: number): Promise<Happening[]> {
    const now = new Map((await this.#registry.projects()).map(({ name, latest }) => [name, latest]));
    const before = this.#projects ?? now;
    this.#projects = now;
    return projectHappenings(at, before, now);
  }

  async #lookAtDeployments(at: number, environment: string): Promise<Happening[]> {
    // It went away in the meantime.
    if (this.#environments?.has(environment) !== true) return [];
    const { version, projects } = await this.#registry.snapshot(environment);
    const now: Wanted = { environment, version, revisions: new Map(projects.map(({ name, revision }) => [name, revision])) };
    const before = this.#deployments.get(environment) ?? now;
    this.#deployments.set(environment, now);
    return deploymentHappenings(at, before, now);
  }
}
