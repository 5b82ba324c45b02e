import type { CompiledProject } from './compile.ts';
import type { Match } from './match.ts';

/** What a table says to a request: the match, the methods that there would be (405), or nothing (404). */
export type Lookup = Match | { readonly allowed: ReadonlySet<string> } | 'no-project' | 'no-resource';

/**
 * The projects of one snapshot by base path; never changed, replaced as a whole. The longest base path wins, and it
 * ends where a segment ends. A look-up tries at most as many prefixes as the longest base path has segments, however
 * many projects there are and however long the request's path is.
 */
export class ProjectTable {
  readonly projects: readonly CompiledProject[];
  readonly #byBasePath: ReadonlyMap<string, CompiledProject>;
  readonly #longest: number;

  /** Base paths are distinct. */
  constructor(projects: readonly CompiledProject[]) {
    this.projects = projects;
    this.#byBasePath = new Map(projects.map((project) => [project.basePath, project]));
    this.#longest = Math.max(0, ...projects.map(({ basePath }) => basePath.length));
  }

  /**
   * @param path normalised
   * @param query with its `?`, or empty
   */
  find(path: string, query: string, method: string): Lookup {
    const project = this.#project(path);
    if (project === undefined) return 'no-project';
    const rest = project.basePath === '/' ? path : path.slice(project.basePath.length);
    const found = project.resources.find(rest, method);
    if (found === undefined) return 'no-resource';
    if ('allowed' in found) return found;
    return { resource: found.value, tail: (project.forwardBasePath ? path : rest) + query };
  }

  #project(path: string): CompiledProject | undefined {
    let end = path.length <= this.#longest ? path.length : path.lastIndexOf('/', this.#longest);
    while (end > 0) {
      const project = this.#byBasePath.get(path.slice(0, end));
      if (project !== undefined) return project;
      end = path.lastIndexOf('/', end - 1);
    }
    return this.#byBasePath.get('/');
  }
}
