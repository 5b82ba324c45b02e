import type { Resource } from '../model/project.ts';
import { isReserved, reservedPath } from '../model/reserved-path.ts';
import { decodeSegment, normalisePath } from '../routing/path.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import { hasDotSegments, noVariables } from './base-path.ts';
import type { Complain } from './complain.ts';

type Entry = Pick<Resource, 'path' | 'methods' | 'childPaths'>;

/** Complains about each resource whose path is malformed, or taken by an earlier resource. `undefined` stands for a resource that is not known. */
export function complainOfResources(resources: readonly (Entry | undefined)[], complain: Complain): void {
  const trial = new ResourceTree<undefined>();
  resources.forEach((resource, index) => {
    if (resource === undefined) return;
    const { path, methods, childPaths } = resource;
    try {
      trial.add({ path, methods, childPaths, value: undefined });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      complain(['resources', index, 'path'], error.message);
    }
  });
}

/** Complains about each resource that no request would ever match. A server accepts the project anyway, because such a resource does no damage. */
export function complainOfUnmatchableResources(
  basePath: string | undefined,
  resources: readonly (Entry | undefined)[],
  complain: Complain,
): void {
  resources.forEach((resource, index) => {
    const reason = resource && whyUnmatchable(resource.path, basePath);
    if (reason !== undefined) complain(['resources', index, 'path'], reason);
  });
}

function whyUnmatchable(path: string, basePath: string | undefined): string | undefined {
  const normal = normalisePath(path);
  if (normal === undefined) return `"${path}" never matches: it contains a broken percent-encoding, a backslash or a control character`;
  if (path.includes('${')) return noVariables;
  if (hasDotSegments(path)) return 'must not contain . or .. as a segment, percent-encoded or not';
  if (basePath === '/' && isReserved(decodeSegment(normal).toLowerCase()))
    return `${reservedPath} is reserved for Sluice: choose another path`;
  return undefined;
}
