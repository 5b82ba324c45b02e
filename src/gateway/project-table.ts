import { BasePaths } from '../routing/base-paths.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { Match } from './match.ts';

/** Result of a lookup: the match, the methods that the path allows (405), or none (404). */
export type Lookup = Match | { readonly allowed: ReadonlySet<string> } | 'no-project' | 'no-resource';

/** The projects that are served, by base path. It changes in place: a request keeps the project that it found, whatever changes meanwhile. */
export class ProjectTable {
  readonly #basePaths: BasePaths<CompiledProject>;

  /** @param projects with distinct base paths */
  constructor(projects: Iterable<CompiledProject> = []) {
    this.#basePaths = new BasePaths(projects);
  }

  /** All projects, sorted by name. */
  get projects(): readonly CompiledProject[] {
    return [...this.#basePaths].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Returns the project with exactly this base path. */
  at(basePath: string): CompiledProject | undefined {
    return this.#basePaths.get(basePath);
  }

  /** Serves this project at its base path, in the place of the one before. */
  set(project: CompiledProject): void {
    this.#basePaths.set(project);
  }

  /** Serves nothing at this base path. */
  delete(basePath: string): void {
    this.#basePaths.delete(basePath);
  }

  /**
   * @param path normalised
   * @param query with its `?`, or empty
   */
  find(path: string, query: string, method: string): Lookup {
    const project = this.projectOf(path);
    if (project === undefined) return 'no-project';
    const { basePath } = project;
    const from = basePath === '/' ? 0 : basePath.length;
    const found = project.resources.find(path, method, from);
    if (found === undefined) return 'no-resource';
    if ('allowed' in found) return found;
    return { resource: found.value, tail: (project.forwardBasePath || from === 0 ? path : path.slice(from)) + query };
  }

  /** The project with the longest base path that contains `path`. */
  projectOf(path: string): CompiledProject | undefined {
    return this.#basePaths.longestOf(path);
  }
}
