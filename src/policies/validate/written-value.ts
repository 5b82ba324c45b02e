import { isMap } from '../../model/is-map.ts';
import type { JsonSchema } from '../../model/json-schema.ts';

/** Follows the reference that a schema consists of. */
export type Follow = (schema: JsonSchema) => JsonSchema;

/** Kinds of values that a schema lets pass, as far as its types say: what a text is read as depends on them. */
export interface Shape {
  /** Undefined: any type. */
  readonly types: ReadonlySet<string> | undefined;
  readonly items: JsonSchema | undefined;
  readonly properties: Readonly<Record<string, JsonSchema>>;
}

/** A shape that says nothing. */
const anyShape: Shape = { types: undefined, items: undefined, properties: {} };
/** Shapes by schema, so that requests do not look through schemas again. */
const shapes = new WeakMap<object, Shape>();

/** The shape of a schema, its alternatives and parts included. */
export function shapeOf(schema: JsonSchema | undefined, follow: Follow): Shape {
  const at = schema === undefined ? true : follow(schema);
  if (!isMap(at)) return anyShape;
  const shape = shapes.get(at) ?? collected(at, follow, new Set());
  shapes.set(at, shape);
  return shape;
}

/** @param seen schemas that were looked at: each counts once, however many alternatives lead to it */
function collected(schema: JsonSchema, follow: Follow, seen: Set<JsonSchema>): Shape {
  const at = follow(schema);
  if (!isMap(at) || seen.has(at)) return anyShape;
  seen.add(at);
  const { type, items, properties } = at;
  const own = typeof type === 'string' ? [type] : Array.isArray(type) ? (type as string[]) : undefined;
  const parts = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((keyword) => {
    const list = at[keyword];
    return Array.isArray(list) ? list.map((one: JsonSchema) => collected(one, follow, seen)) : [];
  });
  const known = [own, ...parts.map((part) => part.types)].filter((types) => types !== undefined);
  return {
    types: known.length === 0 ? undefined : new Set(known.flatMap((types) => [...types])),
    items: (items as JsonSchema | undefined) ?? parts.find((part) => part.items !== undefined)?.items,
    properties: Object.assign({}, ...parts.map((part) => part.properties), isMap(properties) ? properties : {}),
  };
}

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** The values that a text may stand for under a schema, the likeliest one first. One of them must fit. */
export function readings(text: string, { types }: Shape): unknown[] {
  const allows = (...names: string[]) => types === undefined || names.some((name) => types.has(name));
  const values: unknown[] = [];
  if (allows('number', 'integer') && number.test(text) && Number.isFinite(Number(text))) values.push(Number(text));
  if (allows('boolean') && (text === 'true' || text === 'false')) values.push(text === 'true');
  if (allows('null') && (text === '' || text === 'null')) values.push(null);
  if (values.length === 0 || allows('string')) values.push(text);
  return values;
}

/** The value of a text within a list or map: the text itself wherever the schema allows texts. */
export function innerReading(text: string, schema: JsonSchema | undefined, follow: Follow): unknown {
  const shape = shapeOf(schema, follow);
  return shape.types?.has('string') ? text : readings(text, shape)[0];
}

/** True if the schema describes lists. */
export function isList({ types, items }: Shape): boolean {
  return types === undefined ? items !== undefined : types.has('array');
}

/** True if the schema describes maps. */
export function isRecord({ types, properties }: Shape): boolean {
  return types === undefined ? Object.keys(properties).length > 0 : types.has('object');
}
