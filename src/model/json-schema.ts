import { isMap } from './is-map.ts';

/** A JSON Schema. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

/** Keywords whose value is a schema for parts of the instance. */
export const partKeywords = [
  'items',
  'contains',
  'additionalProperties',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
] as const;
/** Keywords whose value is a schema for the instance itself. */
export const ownKeywords = ['not', 'if', 'then', 'else'] as const;
/** Keywords whose value is a list of schemas for the instance itself. */
export const ownLists = ['allOf', 'anyOf', 'oneOf'] as const;
/** Keywords whose value is a map of schemas for parts of the instance. */
export const partMaps = ['properties', 'patternProperties'] as const;

/** The references with which a schema describes the instance itself, not a part of it. */
function* ownReferences(schema: unknown): Generator<string> {
  if (!isMap(schema)) return;
  if (typeof schema['$ref'] === 'string') yield schema['$ref'];
  for (const keyword of ownKeywords) yield* ownReferences(schema[keyword]);
  for (const keyword of ownLists) {
    const list = schema[keyword];
    if (Array.isArray(list)) for (const one of list) yield* ownReferences(one);
  }
  const dependent = schema['dependentSchemas'];
  if (isMap(dependent)) for (const one of Object.values(dependent)) yield* ownReferences(one);
}

/**
 * Finds the schemas that lead back to themselves without describing a part of the instance: a check against one of them would never end. Recursion through
 * properties or items ends with the instance, and is none of these.
 *
 * @param schemas by the text with which references name them
 */
export function endlessSchemas(schemas: ReadonlyMap<string, unknown>): Set<string> {
  const endless = new Set<string>();
  const state = new Map<string, 'open' | 'done'>();
  for (const start of schemas.keys()) {
    if (state.has(start)) continue;
    // Without recursion, since a chain of references may be long.
    const path: { readonly name: string; readonly next: Generator<string> }[] = [{ name: start, next: ownReferences(schemas.get(start)) }];
    state.set(start, 'open');
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { done, value: name } = top.next.next();
      if (done) {
        state.set(top.name, 'done');
        path.pop();
      } else if (state.get(name) === 'open') {
        for (let index = path.length - 1; index >= 0; index--) {
          const around = path[index] as { readonly name: string };
          endless.add(around.name);
          if (around.name === name) break;
        }
      } else if (!state.has(name) && schemas.has(name)) {
        state.set(name, 'open');
        path.push({ name, next: ownReferences(schemas.get(name)) });
      }
    }
  }
  return endless;
}
