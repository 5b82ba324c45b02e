import { BasePaths } from '../routing/base-paths.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { Match } from './match.ts';

/** Result of a lookup: the match, the methods that the path allows (405), or none (404). */
export type Lookup = Match | { readonly allowed: ReadonlySet<string> } | 'no-project' | 'no-resource';

/** The projects of one snapshot. Immutable: replaced as a whole. */
export class ProjectTable {
  readonly projects: readonly CompiledProject[];
  readonly #basePaths: BasePaths<CompiledProject>;

  /** @param projects with distinct base paths */
  constructor(projects: readonly CompiledProject[]) {
    this.projects = projects;
    this.#basePaths = new BasePaths(projects);
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
