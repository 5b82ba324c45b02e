import { faultAt } from '../../config/check.ts';
import type { Fault } from '../../model/fault.ts';
import { isMap } from '../../model/is-map.ts';
import { ResourceTree } from '../../routing/resource-tree.ts';
import type { OpenApiDocument } from './openapi-document.ts';

/** The methods for which a path item has a fixed field (OpenAPI 3.2, section 4.9). */
const methodFields = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'];

/** A path of the document and its methods. */
export interface PathMethods {
  readonly path: string;
  readonly methods: readonly string[];
}

export interface ReadPaths {
  readonly paths: readonly PathMethods[];
  readonly faults: readonly Fault[];
  /** Paths without any operation. */
  readonly empty: readonly string[];
}

/**
 * The paths of a document with their methods. A gateway cannot tell templates apart that differ only in parameter names or in a trailing
 * slash: these are merged into one path.
 */
export function readPaths(document: OpenApiDocument): ReadPaths {
  const { api, lineOf } = document;
  const merged = new Map<string, { path: string; methods: Set<string> }>();
  const faults: Fault[] = [];
  const empty: string[] = [];
  for (const [template, given] of Object.entries(api.paths)) {
    // Specification extensions may appear among the paths.
    if (template.startsWith('x-')) continue;
    const complain = (message: string) => void faults.push(faultAt(['paths', template], message, lineOf, 'key'));
    const reason = unusable(template);
    if (reason !== undefined) {
      complain(reason);
      continue;
    }
    const item = resolve(document, given);
    if (typeof item === 'string') {
      complain(item);
      continue;
    }
    const methods = methodsOf(item);
    if (methods.length === 0) {
      empty.push(template);
      continue;
    }
    const key = template.replace(/\{[^{}]*\}/g, '{}').replace(/(?<=.)\/$/, '');
    const path = merged.get(key) ?? { path: template.replace(/(?<=.)\/$/, ''), methods: new Set() };
    merged.set(key, path);
    for (const method of methods) path.methods.add(method);
  }
  return { paths: [...merged.values()].map(({ path, methods }) => ({ path, methods: [...methods] })), faults, empty };
}

/** The reason why a template cannot be a path of a project; undefined if it can. */
function unusable(template: string): string | undefined {
  if (!template.startsWith('/')) return 'must start with "/"';
  if (/[\s?#]/.test(template.replace(/\{[^{}]*\}/g, ''))) return 'must not contain spaces, ? or #: resources are matched by path alone';
  if (/\/\/|\/\.{1,2}(\/|$)/.test(template)) return 'must not contain //, /./ or /../';
  try {
    new ResourceTree().add({ path: template, childPaths: false, value: undefined });
    return undefined;
  } catch (error) {
    return error instanceof TypeError ? `cannot be used: ${error.message}` : 'cannot be used';
  }
}

/** A path item with its references followed, or else a description of the fault. */
function resolve({ api }: OpenApiDocument, given: unknown): Record<string, unknown> | string {
  const fields: Record<string, unknown> = {};
  let item = given;
  // A reference may lead to another one; the limit ends circles.
  for (let hops = 0; hops < 16; hops++) {
    if (!isMap(item)) return hops === 0 ? 'must be a map of operations' : 'refers to something that is not a path item';
    for (const [key, value] of Object.entries(item)) if (!Object.hasOwn(fields, key)) fields[key] = value;
    const { $ref: reference } = item;
    if (reference === undefined) return fields;
    if (typeof reference !== 'string') return 'has a $ref that is not text';
    if (!reference.startsWith('#/')) return `refers to "${reference}", which is outside this document: bundle the documents into one first`;
    item = pointedAt(api, reference);
    if (item === undefined) return `refers to "${reference}", which does not exist`;
  }
  return 'refers to itself in a circle of references';
}

/** The value at a JSON Pointer in URI fragment form (RFC 6901, section 6). */
function pointedAt(api: unknown, reference: string): unknown {
  let at = api;
  for (const step of reference.slice(2).split('/')) {
    const name = decoded(step).replace(/~1/g, '/').replace(/~0/g, '~');
    if (!isMap(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function methodsOf(item: Record<string, unknown>): string[] {
  const { additionalOperations } = item;
  return [
    ...methodFields.filter((field) => isMap(item[field])).map((field) => field.toUpperCase()),
    ...(isMap(additionalOperations) ? Object.keys(additionalOperations) : []),
  ];
}
