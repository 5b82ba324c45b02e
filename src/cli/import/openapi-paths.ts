import { faultAt } from '../../config/check.ts';
import { isMap } from '../../config/source.ts';
import type { Fault } from '../../model/fault.ts';
import { ResourceTree } from '../../routing/resource-tree.ts';
import type { OpenApiDocument } from './openapi-document.ts';

/** The methods that have a field of their own in a path item (OpenAPI 3.2, section 4.9). */
const methodFields = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'];

/** A path of the document, and what it answers to. */
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
 * The paths of a document with their methods. Templates that differ only in the names of their parameters, or by a slash at the end,
 * are one place to a gateway and become one.
 */
export function readPaths(document: OpenApiDocument): ReadPaths {
  const { api, lineOf } = document;
  const places = new Map<string, { path: string; methods: Set<string> }>();
  const faults: Fault[] = [];
  const empty: string[] = [];
  for (const [template, given] of Object.entries(api.paths)) {
    // Extensions may stand among the paths.
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
    const place = places.get(key) ?? { path: template.replace(/(?<=.)\/$/, ''), methods: new Set() };
    places.set(key, place);
    for (const method of methods) place.methods.add(method);
  }
  return { paths: [...places.values()].map(({ path, methods }) => ({ path, methods: [...methods] })), faults, empty };
}

/** Why a template cannot be a path of a project, if so. */
function unusable(template: string): string | undefined {
  if (!template.startsWith('/')) return 'must start with "/"';
  if (/[\s?#]/.test(template.replace(/\{[^{}]*\}/g, ''))) return 'must not contain spaces, ? or #: only the path decides';
  if (/\/\/|\/\.{1,2}(\/|$)/.test(template)) return 'must not contain //, /./ or /../';
  try {
    new ResourceTree().add({ path: template, childPaths: false, value: undefined });
    return undefined;
  } catch (error) {
    return error instanceof TypeError ? `cannot be used: ${error.message}` : 'cannot be used';
  }
}

/** A path item with its reference followed, or why it cannot be had. */
function resolve({ api }: OpenApiDocument, given: unknown): Record<string, unknown> | string {
  const fields: Record<string, unknown> = {};
  let item = given;
  // A reference may lead to another one; in a circle it never ends.
  for (let hops = 0; hops < 16; hops++) {
    if (!isMap(item)) return hops === 0 ? 'must be a map of operations' : 'refers to something that is no path item';
    for (const [key, value] of Object.entries(item)) if (!Object.hasOwn(fields, key)) fields[key] = value;
    const { $ref: reference } = item;
    if (reference === undefined) return fields;
    if (typeof reference !== 'string') return 'has a $ref that is not text';
    if (!reference.startsWith('#/')) return `refers to "${reference}", which is outside of this document: bundle it into one first`;
    item = pointedAt(api, reference);
    if (item === undefined) return `refers to "${reference}", which is not there`;
  }
  return 'refers to itself in a circle';
}

/** RFC 6901, as a URI fragment. */
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
