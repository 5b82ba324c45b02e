import { schemaReference } from '../../model/imported-api.ts';
import { isMap } from '../../model/is-map.ts';
import { endlessSchemas, type JsonSchema, ownKeywords, ownLists, partKeywords, partMaps } from '../../model/json-schema.ts';
import { faultOfPattern } from '../../model/pattern.ts';
import type { SpecificationVersion } from './openapi-document.ts';
import { type References, stepsOf, UnusablePart } from './references.ts';

type Path = readonly PropertyKey[];
type Warn = (path: Path, message: string) => void;
type Fields = Record<string, unknown>;

/** Keywords that are the same in every version, with the type of their value. */
const plain: Readonly<Record<string, 'number' | 'boolean' | 'string'>> = {
  multipleOf: 'number',
  maxLength: 'number',
  minLength: 'number',
  maxItems: 'number',
  minItems: 'number',
  uniqueItems: 'boolean',
  maxProperties: 'number',
  minProperties: 'number',
  minContains: 'number',
  maxContains: 'number',
  format: 'string',
};
const types = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);
const unusablePattern = 'the engine for patterns (RE2) does not take it';
/** Keywords of JSON Schema that change what references mean, or that are written for another kind of validator. */
const unread = ['$id', '$dynamicRef', '$recursiveRef', 'contentSchema'];

/**
 * Brings the schemas of requests into one form, JSON Schema of draft 2020-12 without annotations, whatever version of OpenAPI they are written in.
 * Schemas that others refer to become named ones; what nothing refers to is left out. A part that cannot be used is told and checks nothing.
 */
export class RequestSchemas {
  readonly #references: References;
  readonly #version: SpecificationVersion;
  readonly #warn: Warn;
  /** Names by reference. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>(['__proto__']);
  readonly #named = new Map<string, JsonSchema>();
  readonly #waiting: { readonly reference: string; readonly name: string }[] = [];

  constructor(references: References, version: SpecificationVersion, warn: Warn) {
    this.#references = references;
    this.#version = version;
    this.#warn = warn;
  }

  /** @param at place of the schema in the document */
  of(schema: unknown, at: Path): JsonSchema {
    const read = this.#read(schema, at);
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
      const { reference, name } = next;
      this.#named.set(name, this.#read(this.#references.at(reference), stepsOf(reference)));
    }
    return read;
  }

  /** The named schemas, by name. Each that would be checked without an end is told, and checks nothing. */
  named(): Record<string, JsonSchema> {
    const byReference = new Map([...this.#named].map(([name, schema]) => [schemaReference + name, schema]));
    const endless = endlessSchemas(byReference);
    const schemas: Record<string, JsonSchema> = {};
    for (const [reference, name] of [...this.#names].sort(([, one], [, other]) => (one < other ? -1 : 1))) {
      const refused = endless.has(schemaReference + name);
      if (refused) this.#warn(stepsOf(reference), 'refers to itself without describing anything: it is not checked');
      schemas[name] = refused ? true : (this.#named.get(name) as JsonSchema);
    }
    return schemas;
  }

  #read(schema: unknown, at: Path): JsonSchema {
    if (typeof schema === 'boolean') return schema;
    try {
      if (!isMap(schema)) throw new UnusablePart('must be a schema, as a map');
      const odd = unread.find((keyword) => keyword in schema);
      if (odd !== undefined) throw new UnusablePart(`uses ${odd}, which is not supported in requests`);
      if ('$ref' in schema) return this.#referring(schema, at);
      return this.#nullable(schema, this.#fields(schema, at));
    } catch (error) {
      if (!(error instanceof UnusablePart)) throw error;
      this.#warn(at, `${error.message}; it is not checked`);
      return true;
    }
  }

  /** Before 3.1 nothing counts beside a reference. */
  #referring(schema: Fields, at: Path): JsonSchema {
    const { $ref, ...rest } = schema;
    const name = this.#nameOf($ref as string);
    const reference = { $ref: schemaReference + name };
    return this.#version === '3.1' ? { ...this.#fields(rest, at), ...reference } : reference;
  }

  #nameOf(reference: string): string {
    const steps = stepsOf(reference);
    const key = `#/${steps.map((step) => step.replace(/~/g, '~0').replace(/\//g, '~1')).join('/')}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    this.#references.at(key);
    const wanted = (steps.at(-1) ?? '').replace(/[^A-Za-z0-9._-]+/g, '-') || 'schema';
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted}-${number}`;
    this.#taken.add(name);
    this.#names.set(key, name);
    this.#waiting.push({ reference: key, name });
    return name;
  }

  #fields(schema: Fields, at: Path): Fields {
    const made: Fields = {};
    const type = this.#typeOf(schema['type']);
    if (type !== undefined) made['type'] = type;
    if (Array.isArray(schema['enum']) && schema['enum'].length > 0) made['enum'] = schema['enum'];
    if (this.#version === '3.1' && 'const' in schema) made['const'] = schema['const'];
    for (const [keyword, kind] of Object.entries(plain)) if (typeof schema[keyword] === kind) made[keyword] = schema[keyword];
    Object.assign(made, boundsOf(schema));
    this.#addPattern(made, schema['pattern'], [...at, 'pattern']);
    this.#addProperties(made, schema, at);
    this.#addItems(made, schema, at);
    for (const keyword of partKeywords) {
      if (keyword !== 'items' && keyword in schema) made[keyword] = this.#read(schema[keyword], [...at, keyword]);
    }
    for (const keyword of ownKeywords) if (keyword in schema) made[keyword] = this.#read(schema[keyword], [...at, keyword]);
    for (const keyword of ownLists) {
      const list = schema[keyword];
      if (Array.isArray(list) && list.length > 0) made[keyword] = list.map((one, index) => this.#read(one, [...at, keyword, index]));
    }
    return made;
  }

  #typeOf(type: unknown): unknown {
    if (typeof type === 'string') return types.has(type) ? type : undefined;
    if (!Array.isArray(type)) return undefined;
    const known = [...new Set(type.filter((one) => types.has(one)))];
    return known.length === 0 ? undefined : known.length === 1 ? known[0] : known;
  }

  #addPattern(made: Fields, pattern: unknown, at: Path): void {
    if (typeof pattern !== 'string') return;
    const fault = faultOfPattern(pattern);
    if (fault === undefined) made['pattern'] = pattern;
    else this.#warn(at, `is not checked: ${unusablePattern}: ${fault}`);
  }

  #addProperties(made: Fields, schema: Fields, at: Path): void {
    for (const keyword of partMaps) {
      const map = schema[keyword];
      if (!isMap(map)) continue;
      const entries = Object.entries(map).filter(([name]) => this.#isUsable(name, keyword, [...at, keyword, name]));
      made[keyword] = Object.fromEntries(entries.map(([name, one]) => [name, this.#read(one, [...at, keyword, name])]));
    }
    const required = Array.isArray(schema['required']) ? schema['required'].filter((name) => typeof name === 'string') : [];
    // A property that only responses have is not required of requests (OpenAPI 3.0.3, section 4.7.24.2).
    const needed = required.filter((name) => !this.#isReadOnly(schema, name));
    if (needed.length > 0) made['required'] = needed;
    const dependencies = { ...mapIn(schema['dependencies']), ...mapIn(schema['dependentSchemas']), ...mapIn(schema['dependentRequired']) };
    for (const [name, one] of Object.entries(dependencies)) {
      const keyword = Array.isArray(one) ? 'dependentRequired' : 'dependentSchemas';
      made[keyword] = { ...mapIn(made[keyword]), [name]: Array.isArray(one) ? one : this.#read(one, [...at, keyword, name]) };
    }
  }

  #isUsable(name: string, keyword: (typeof partMaps)[number], at: Path): boolean {
    // No project can have this key.
    const fault = name === '__proto__' ? 'it is no name for a property here' : keyword === 'properties' ? undefined : faultOfPattern(name);
    if (fault !== undefined) this.#warn(at, `is not checked: ${keyword === 'properties' ? fault : `${unusablePattern}: ${fault}`}`);
    return fault === undefined;
  }

  #isReadOnly(schema: Fields, name: string): boolean {
    const parts = [schema, ...(Array.isArray(schema['allOf']) ? schema['allOf'] : [])];
    return parts.some((part) => {
      try {
        const properties = mapIn(this.#references.follow(part, 'a schema')['properties']);
        if (!Object.hasOwn(properties, name)) return false;
        const property = properties[name];
        return (isMap(property) && property['readOnly'] === true) || this.#references.follow(property, 'a schema')['readOnly'] === true;
      } catch {
        return false;
      }
    });
  }

  /** Before draft 2020-12 a list in `items` meant the first items, and `additionalItems` the others. */
  #addItems(made: Fields, schema: Fields, at: Path): void {
    const first = schema['prefixItems'] ?? (Array.isArray(schema['items']) ? schema['items'] : undefined);
    if (Array.isArray(first) && first.length > 0) made['prefixItems'] = first.map((one, index) => this.#read(one, [...at, 'items', index]));
    const others = Array.isArray(schema['items']) ? schema['additionalItems'] : schema['items'];
    if (others !== undefined) made['items'] = this.#read(others, [...at, 'items']);
  }

  /**
   * Until 3.0 null is allowed by `nullable` beside `type`, or by the widespread `x-nullable` of 2.0. Many generators write it beside `allOf` too, which
   * means the same to their users.
   */
  #nullable(schema: Fields, made: Fields): JsonSchema {
    if (this.#version === '3.1' || (schema['nullable'] !== true && schema['x-nullable'] !== true)) return made;
    if (typeof made['type'] === 'string') return { ...made, type: [made['type'], 'null'] };
    return ownLists.some((keyword) => keyword in made) ? { anyOf: [{ type: 'null' }, made] } : made;
  }
}

/** Until 3.0 `exclusiveMinimum: true` makes `minimum` exclusive; in JSON Schema it is a number of its own. */
function boundsOf(schema: Fields): Fields {
  const made: Fields = {};
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    const limit = schema[bound];
    if (typeof limit === 'number') made[schema[exclusive] === true ? exclusive : bound] = limit;
    if (typeof schema[exclusive] === 'number') made[exclusive] = schema[exclusive];
  }
  return made;
}

function mapIn(value: unknown): Fields {
  return isMap(value) ? value : {};
}
