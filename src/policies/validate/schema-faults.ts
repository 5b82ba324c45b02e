import { type ImportedApi, schemaReference } from '../../model/imported-api.ts';
import { isMap } from '../../model/is-map.ts';
import { endlessSchemas, type JsonSchema } from '../../model/json-schema.ts';
import { faultOfPattern } from '../../model/pattern.ts';
import type { Pieces } from '../../model/pieces.ts';
import { checkByDraft, draftOf, tryCompile } from './schema-compiler.ts';

/** Finds what is wrong with a schema that stands by itself; undefined: nothing. The message continues a sentence that begins with its place. */
export function faultOfSchema(schema: JsonSchema): string | undefined {
  if (draftOf(schema) === undefined)
    return 'has an unknown $schema: leave it out for draft 2020-12, or use http://json-schema.org/draft-07/schema#';
  try {
    const own = new Map([...referencesIn(schema)].map((reference) => [reference, at(schema, reference)]));
    own.set('#', schema);
    if (endlessSchemas(own).size > 0) return 'refers to itself without describing a part of the value, so that a check would never end';
    tryCompile(schema);
    return undefined;
  } catch (error) {
    return `is no JSON Schema that can be used: ${(error as Error).message.slice(0, 500)}`;
  }
}

/**
 * Finds the first schema of an imported API that cannot be used, and says why; undefined: there is none. Nothing is compiled, which would take seconds for a large
 * API, each time that it is pushed and deployed.
 */
export function* faultOfApi({ schemas = {}, operations }: ImportedApi): Pieces<string | undefined> {
  const named = schemas as Readonly<Record<string, JsonSchema>>;
  const byReference = new Map(Object.entries(named).map(([name, schema]) => [schemaReference + name, schema]));
  const [endless] = endlessSchemas(byReference);
  if (endless !== undefined) return `${endless} refers to itself without describing a part of the value, so that a check would never end`;
  for (const [name, schema] of Object.entries(named)) {
    const fault = faultInApi(schema, byReference);
    if (fault !== undefined) return `${schemaReference}${name}: ${fault}`;
    yield;
  }
  for (const [path, methods] of Object.entries(operations)) {
    for (const [method, { parameters = [], body }] of Object.entries(methods)) {
      for (const { schema } of [...parameters, ...Object.values(body?.content ?? {})]) {
        const fault = schema === undefined ? undefined : faultInApi(schema as JsonSchema, byReference);
        if (fault !== undefined) return `${method} ${path}: ${fault}`;
      }
      yield;
    }
  }
  return undefined;
}

function faultInApi(schema: JsonSchema, named: ReadonlyMap<string, JsonSchema>): string | undefined {
  const unknown = [...referencesIn(schema)].find((reference) => !named.has(reference));
  if (unknown !== undefined) return `refers to ${unknown}, which does not exist`;
  for (const pattern of patternsIn(schema)) {
    const fault = faultOfPattern(pattern);
    if (fault !== undefined) return `has a pattern that the engine for patterns (RE2) does not take: ${fault}`;
  }
  try {
    checkByDraft(schema);
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 500);
  }
}

function* patternsIn(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* patternsIn(one);
  if (!isMap(value)) return;
  if (typeof value['pattern'] === 'string') yield value['pattern'];
  if (isMap(value['patternProperties'])) yield* Object.keys(value['patternProperties']);
  for (const [key, one] of Object.entries(value)) if (key !== 'enum' && key !== 'const') yield* patternsIn(one);
}

function* referencesIn(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* referencesIn(one);
  if (!isMap(value)) return;
  if (typeof value['$ref'] === 'string') yield value['$ref'];
  for (const [key, one] of Object.entries(value)) if (key !== 'enum' && key !== 'const') yield* referencesIn(one);
}

/** The part that a JSON Pointer in URI fragment form names (RFC 6901, section 6); undefined for any other reference. */
function at(schema: JsonSchema, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined;
  let part: unknown = schema;
  for (const step of reference.slice(2).split('/')) {
    const name = decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~');
    part = part !== null && typeof part === 'object' && Object.hasOwn(part, name) ? (part as Record<string, unknown>)[name] : undefined;
  }
  return part;
}
