import { atOnce, type Pieces } from '../model/pieces.ts';
import type { Resource } from '../model/project.ts';
import { isReserved, reservedPath } from '../model/reserved-path.ts';
import { readPath } from '../routing/path.ts';
import { decodeSegment } from '../routing/percent-encoding.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import { encodedPath, hasDotSegments, noVariables } from './base-path.ts';
import type { Complain } from './complain.ts';

type Entry = Pick<Resource, 'path' | 'methods' | 'childPaths'>;

/**
 * Complains about each resource whose path is malformed, or taken by an earlier resource. `undefined` stands for a resource that is not known. Each
 * resource is one piece.
 */
export function* complainOfResources(resources: readonly (Entry | undefined)[], complain: Complain): Pieces<void> {
  yield* treeOf(resources, complain);
}

/** Complains about each resource that no request would ever match. A server accepts the project anyway, because such a resource does no damage. */
export function complainOfUnmatchableResources(
  project: { readonly basePath: string | undefined; readonly encodedSlashes: boolean },
  resources: readonly (Entry | undefined)[],
  complain: Complain,
): void {
  const tree = atOnce(treeOf(resources, () => {}));
  resources.forEach((resource, index) => {
    const reason =
      resource && (whyUnmatchable(resource.path, project.basePath) ?? whyAmbiguous(resource.path, project.encodedSlashes, tree));
    if (reason !== undefined) complain(['resources', index, 'path'], reason);
  });
}

function* treeOf(resources: readonly (Entry | undefined)[], complain: Complain): Pieces<ResourceTree<undefined>> {
  const tree = new ResourceTree<undefined>();
  for (const [index, resource] of resources.entries()) {
    if (resource === undefined) continue;
    const { path, methods, childPaths } = resource;
    try {
      tree.add({ path, methods, childPaths, value: undefined });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      complain(['resources', index, 'path'], error.message);
    }
    yield;
  }
  return tree;
}

function whyUnmatchable(path: string, basePath: string | undefined): string | undefined {
  if (path.includes('${')) return noVariables;
  if (hasDotSegments(path)) return 'must not contain . or .. as a segment, percent-encoded or not';
  const reading = readPath(path);
  if (reading === undefined)
    return `"${path}" never matches: it contains a broken percent-encoding, a backslash, a control character, or dots in an unusual spelling`;
  if (basePath === '/' && isReserved(decodeSegment(reading.path).toLowerCase()))
    return `${reservedPath} is reserved for Sluice: choose another path`;
  return undefined;
}

/** Every reading of a request's path must have a resource: the path of a resource with several readings matches only if all of them do. */
function whyAmbiguous(path: string, encodedSlashes: boolean, tree: ResourceTree<undefined>): string | undefined {
  const reading = readPath(encodedPath(path));
  if (reading?.encodedSlash && !encodedSlashes)
    return 'never matches: paths with an encoded slash or backslash get 400, unless the project has encodedSlashes: keep';
  const other = reading?.forms.slice(1).find((form) => tree.find(form, 'GET') === undefined);
  return other && `never matches: a server could read it as ${other}, which is the path of no resource. Add one`;
}
