import { isMap } from '../../model/is-map.ts';
import { ResourceTree } from '../../routing/resource-tree.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import type { Warn } from './operation-reader.ts';
import { type References, UnusablePart } from './references.ts';

/** The methods for which a path item has a fixed field (OpenAPI 3.2, section 4.9). */
const methodFields = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'];

/** An operation of the document. */
export interface ApiOperation {
  readonly method: string;
  /** Path template; the same text for all operations of one resource. */
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Fields of its path item, those that it refers to included. */
  readonly item: Readonly<Record<string, unknown>>;
  /** Place of the path item in the document. */
  readonly at: readonly [string, string];
}

export interface FoundOperations {
  readonly operations: readonly ApiOperation[];
  /** Paths without any operation. */
  readonly empty: readonly string[];
}

/**
 * The operations of a document, those of one path together. A gateway cannot tell templates apart that differ only in parameter names or in a trailing
 * slash: these become one path. A path that cannot be used is told, and left out.
 */
export function operationsOf({ paths, specification }: OpenApiDocument, references: References, warn: Warn): FoundOperations {
  const byPath = new Map<string, { readonly path: string; readonly operations: Map<string, ApiOperation> }>();
  const empty: string[] = [];
  for (const [template, given] of Object.entries(paths)) {
    // Specification extensions may appear among the paths.
    if (template.startsWith('x-')) continue;
    const at = ['paths', template] as const;
    try {
      const fault = faultOf(template);
      if (fault !== undefined) throw new UnusablePart(fault);
      const item = references.pathItem(given);
      const found = methodsOf(item, specification === '2.0' ? 7 : methodFields.length);
      if (found.length === 0) {
        empty.push(template);
        continue;
      }
      const key = templateKey(template);
      const known = byPath.get(key) ?? { path: template.replace(/(?<=.)\/$/, ''), operations: new Map<string, ApiOperation>() };
      byPath.set(key, known);
      tellOfItem(item, [...at], template, warn);
      for (const [method, fields] of found) {
        if (known.operations.has(method))
          warn([...at, method.toLowerCase()], `is left out: ${known.path} has the same form, and ${method} already`);
        else known.operations.set(method, { method, path: known.path, fields, item, at });
        if ('servers' in fields) warn([...at, method.toLowerCase(), 'servers'], serversLeft);
      }
    } catch (error) {
      if (!(error instanceof UnusablePart)) throw error;
      warn(at, error.message);
    }
  }
  return { operations: [...byPath.values()].flatMap((one) => [...one.operations.values()]), empty };
}

/** The same text for templates that match the same requests. */
export function templateKey(template: string): string {
  return template.replace(/\{[^{}]*\}/g, '{}').replace(/(?<=.)\/$/, '');
}

const serversLeft =
  'are not used: requests go to the target of the resource. Add a target to the project and name it in the resource if they must go elsewhere';

function tellOfItem(item: Readonly<Record<string, unknown>>, at: string[], template: string, warn: Warn): void {
  if ('servers' in item) warn([...at, 'servers'], serversLeft);
  const greedy = /\{(\+[^{}]*|[^{}]*[+*])\}/.exec(template);
  if (greedy)
    warn(
      at,
      `has the parameter ${greedy[0]}, which matches one segment here: write a resource with childPaths: true if it is to match more`,
    );
}

/** Why a template cannot be a path of a project; undefined if it can. */
function faultOf(template: string): string | undefined {
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

function methodsOf(item: Readonly<Record<string, unknown>>, fields: number): [method: string, fields: Readonly<Record<string, unknown>>][] {
  const { additionalOperations } = item;
  const found = methodFields.slice(0, fields).flatMap((field) => {
    const operation = Object.hasOwn(item, field) ? item[field] : undefined;
    return isMap(operation) ? [[field.toUpperCase(), operation] as [string, Record<string, unknown>]] : [];
  });
  if (!isMap(additionalOperations)) return found;
  return [
    ...found,
    ...Object.entries(additionalOperations).flatMap(([name, fields]) => [
      [name, isMap(fields) ? fields : {}] as [string, Record<string, unknown>],
    ]),
  ];
}
