import { isReserved } from '../model/reserved-path.ts';
import { BasePaths } from '../routing/base-paths.ts';
import { PackedRoutes } from '../routing/packed-routes.ts';
import { type PathReading, readPath } from '../routing/path.ts';
import type { CompiledProject } from './compiled-project.ts';
import type { CompiledResource, Match } from './match.ts';

/**
 * Result of a lookup: the match, the methods that the path allows (405), or none: no project or resource (404), or a path that a target
 * could read as another project's, or with an encoded slash (400).
 */
export type Lookup =
  | Match
  | { readonly allowed: ReadonlySet<string> }
  | 'no-project'
  | 'no-resource'
  /** A resource has the path as it is sent, but none has another reading of it. */
  | 'no-resource-as-read'
  | 'bad-path'
  | 'encoded-slash';

/** The projects that are served, by base path. It changes in place: a request keeps the project that it found, whatever changes meanwhile. */
export class ProjectTable {
  readonly #basePaths: BasePaths<CompiledProject>;
  readonly #packed: PackedRoutes<CompiledProject, CompiledResource>;

  /** @param projects with distinct base paths */
  constructor(projects: Iterable<CompiledProject> = []) {
    this.#basePaths = new BasePaths(projects);
    this.#packed = new PackedRoutes(this.#basePaths);
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
    this.#packed.set(project);
  }

  /** Serves nothing at this base path. */
  delete(basePath: string): void {
    this.#basePaths.delete(basePath);
    this.#packed.delete(basePath);
  }

  /**
   * @param path that every target reads in the same way
   * @param query with its `?`, or empty
   * @param target both, if that text is at hand
   */
  find(path: string, query: string, method: string, target = path + query): Lookup {
    const resource = this.#packed.find(path, method);
    if (resource === null) return 'no-project';
    if (resource !== undefined) {
      const { tailStart } = this.#packed;
      return { resource, path, tail: tailStart === 0 ? target : target.slice(tailStart), host: undefined, run: undefined };
    }
    const project = this.projectOf(path);
    if (project === undefined) return 'no-project';
    const { basePath } = project;
    const from = basePath === '/' ? 0 : basePath.length;
    const found = project.resources.find(path, method, from);
    if (found === undefined) return 'no-resource';
    if ('allowed' in found) return found;
    return {
      resource: found.value,
      path,
      tail: project.forwardBasePath || from === 0 ? target : target.slice(from),
      host: undefined,
      run: undefined,
    };
  }

  /**
   * Finds the project and resource of a path that targets could read in several ways. Every reading must be of the same project and one
   * of its resources, for the same methods. If the resources differ, the policies of all of them run, and the request takes the route of the first,
   * which is the one of the path as it is sent.
   *
   * @param given the path before it was read
   */
  findStrictly(given: string, merged: PathReading, query: string, method: string): Lookup {
    const project = this.projectOf(merged.forms[0]);
    if (project === undefined) return 'no-project';
    const reading = project.mergeSlashes ? merged : readPath(given, false);
    if (reading === undefined) return 'bad-path';
    if (reading.encodedSlash && !project.encodedSlashes) return 'encoded-slash';
    if (reading === merged && reading.forms.length === 1 && reading.forms[0] === reading.path)
      return this.find(reading.path, query, method);
    const from = project.basePath === '/' ? 0 : project.basePath.length;
    const resources = new Set<CompiledResource>();
    for (const form of reading.forms.flatMap((form) => (form.startsWith('//', from) ? [form, withoutHost(form, from)] : [form]))) {
      if (this.projectOf(form) !== project || isReserved(form)) return 'bad-path';
      const found = project.resources.find(form, method, from);
      if (found === undefined) return resources.size === 0 ? 'no-resource' : 'no-resource-as-read';
      if ('allowed' in found) return found;
      resources.add(found.value);
    }
    const { path } = reading;
    return {
      resource: strictest([...resources]),
      path,
      tail: (project.forwardBasePath ? path : below(project.basePath, path)) + query,
      host: undefined,
      run: undefined,
    };
  }

  /** The project with the longest base path that contains `path`. */
  projectOf(path: string): CompiledProject | undefined {
    return this.#basePaths.longestOf(path);
  }
}

/** Cuts off what a target may take for a host: a path that begins with two slashes is a reference to one (RFC 3986 section 4.2). */
function withoutHost(path: string, from: number): string {
  return path.slice(0, from) + (path.slice(from).replace(/^\/+[^/]*/, '') || '/');
}

/** The first resource, with the policies of all. */
function strictest([first, ...others]: readonly CompiledResource[]): CompiledResource {
  const resource = first as CompiledResource;
  return others.length === 0 ? resource : { ...resource, policies: resource.policies.joinedWith(others.map(({ policies }) => policies)) };
}

/** The part of a path after its base path, which may be spelt otherwise in it but has as many segments. */
function below(basePath: string, path: string): string {
  if (basePath === '/') return path;
  let from = 0;
  for (let left = basePath.split('/').length - 1; left > 0 && from !== -1; left--) from = path.indexOf('/', from + 1);
  return from === -1 ? '' : path.slice(from);
}
