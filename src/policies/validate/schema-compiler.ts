import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { isMap } from '../../model/is-map.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { compilePattern } from '../../model/pattern.ts';
import type { Pieces } from '../../model/pieces.ts';

/** A part of a value that does not fit a schema. */
export interface SchemaFault {
  /** Steps to the part. */
  readonly path: readonly string[];
  readonly message: string;
}

/** Checks a value against a schema. @param all true: every fault is found; false: only the first one, in a time that does not grow with their number */
export type Check = (value: unknown, all: boolean) => readonly SchemaFault[];

/** Faults of one value that are told. */
const mostFaults = 100;
/** Characters of a step of a path, which a client may have chosen. */
const longestStep = 100;

/** Drafts of JSON Schema, by their `$schema`. */
const drafts = {
  'https://json-schema.org/draft/2020-12/schema': Ajv2020,
  'http://json-schema.org/draft-07/schema': Ajv,
} as const;

/** The `$schema` of draft 2020-12, which holds for schemas that name none. */
const usualDraft = 'https://json-schema.org/draft/2020-12/schema';

/** The class of validators for the draft that a schema names; undefined: an unknown draft. */
export function draftOf(schema: unknown): (typeof drafts)[keyof typeof drafts] | undefined {
  const named = isMap(schema) ? (schema['$schema'] ?? usualDraft) : usualDraft;
  const key = typeof named === 'string' ? named.replace(/#$/, '') : '';
  return Object.hasOwn(drafts, key) ? drafts[key as keyof typeof drafts] : undefined;
}

/** Patterns run in RE2. Ajv keeps them by the text of their object, which therefore is the pattern. */
const regExp = Object.assign((source: string) => ({ ...compilePattern(source), toString: () => `re2 ${source}` }), {
  code: 'compilePattern',
});

const options: Options = {
  strict: false,
  // Else a property such as "constructor", which every object inherits, would count as given.
  ownProperties: true,
  logger: false,
  validateSchema: false,
  // The schemas of the drafts are only needed to check schemas, and take milliseconds.
  meta: false,
  addUsedSchema: false,
  code: { regExp },
};

/** Validators of schemas themselves, by draft: those of the drafts take milliseconds to compile. */
const ofSchemas = new Map<unknown, Ajv>();

/** Throws an `Error` that says what is wrong with a schema, by the schema of its draft. */
export function checkByDraft(schema: JsonSchema): void {
  const draft = draftOf(schema);
  const known = ofSchemas.get(draft) ?? makeAjv(schema, { meta: true });
  ofSchemas.set(draft, known);
  void known.validateSchema(schema, true);
}

/** Throws an `Error` that says what is wrong with a schema, by the schema of its draft too. */
export function tryCompile(schema: JsonSchema): void {
  checkByDraft(schema);
  synchronous(makeAjv(schema, {}).compile(schema));
}

function makeAjv(schema: unknown, own: Options): Ajv {
  const ajv = new (draftOf(schema) ?? Ajv2020)({ ...options, ...own });
  (ajvFormats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addFormat('regex', { type: 'string', validate: isPattern });
  // Ajv compares every two items: some megabytes of maps would take minutes.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (unique: boolean, items: unknown[]) => !unique || new Set(items.map(canonical)).size === items.length,
    error: { message: 'must not have two equal items' },
  });
  return ajv;
}

/** Compiles schemas that refer to each other by `prefix` and a name. */
export class SchemaCompiler {
  readonly #named: Readonly<Record<string, JsonSchema>>;
  readonly #prefix: string;
  /** Makes validators that end at the first fault. */
  readonly #first: Ajv;
  /** Makes validators that find all of them. */
  readonly #all: Ajv;
  /** Names of schemas that are compiled, or about to be. */
  readonly #visited = new Set<string>();
  /** By what is written: the parameters of an API are much alike. */
  readonly #checks = new Map<string, Check>();

  /**
   * @param named schemas by name; none: schemas refer to parts of themselves only
   * @param draft a schema that names the draft of all
   */
  constructor(named: Readonly<Record<string, JsonSchema>> = {}, prefix = '', draft: unknown = {}) {
    this.#named = named;
    this.#prefix = prefix;
    this.#first = makeAjv(draft, { allErrors: false });
    this.#all = makeAjv(draft, { allErrors: true });
    for (const [name, schema] of Object.entries(named)) {
      const usable = this.#withNames(schema) as Record<string, unknown>;
      for (const ajv of [this.#first, this.#all]) ajv.addSchema(usable, keyOf(name));
    }
  }

  /** Compiles a schema. Checks share what they refer to. Throws an `Error` that says what is wrong with it. */
  *compile(schema: JsonSchema): Pieces<Check> {
    const written = JSON.stringify(schema);
    const known = this.#checks.get(written);
    if (known !== undefined) return known;
    yield* this.#compileNamed(schema);
    const usable = this.#withNames(schema) as Record<string, unknown>;
    const one = synchronous(this.#first.compile(usable));
    yield;
    // Made for the first request with a fault: it takes as long as the first one, and most schemas never need it.
    let every: ValidateFunction | undefined;
    const check: Check = (value, all) => {
      const faults = faultsOf(one, value);
      if (faults.length === 0 || !all) return faults;
      every ??= this.#all.compile(usable);
      return faultsOf(every, value);
    };
    this.#checks.set(written, check);
    return check;
  }

  /** The schema that a reference names; the schema itself if it is none. */
  followed(schema: JsonSchema): JsonSchema {
    let at = schema;
    for (let hops = 0; hops < 32 && isMap(at) && typeof at['$ref'] === 'string' && at['$ref'].startsWith(this.#prefix); hops++)
      at = this.#named[at['$ref'].slice(this.#prefix.length)] ?? true;
    return at;
  }

  /** Compiles what a schema refers to, the innermost first: all at once would take a second where an API's schemas are one large web. */
  *#compileNamed(schema: JsonSchema): Pieces<void> {
    const path: { readonly name: string | undefined; readonly next: Iterator<string> }[] = [
      { name: undefined, next: this.#namesIn(schema) },
    ];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { done, value: name } = top.next.next();
      if (!done) {
        if (this.#visited.has(name) || !Object.hasOwn(this.#named, name)) continue;
        this.#visited.add(name);
        path.push({ name, next: this.#namesIn(this.#named[name] as JsonSchema) });
        continue;
      }
      path.pop();
      if (top.name === undefined) continue;
      this.#first.getSchema(keyOf(top.name));
      yield;
    }
  }

  /** Names that a schema refers to. */
  *#namesIn(schema: unknown): Generator<string, void, void> {
    if (Array.isArray(schema)) for (const one of schema) yield* this.#namesIn(one);
    if (!isMap(schema)) return;
    const { $ref } = schema;
    if (typeof $ref === 'string' && this.#prefix !== '' && $ref.startsWith(this.#prefix)) yield $ref.slice(this.#prefix.length);
    for (const [key, one] of Object.entries(schema)) if (key !== 'enum' && key !== 'const') yield* this.#namesIn(one);
  }

  /** A copy whose references name schemas as Ajv knows them. */
  #withNames(schema: unknown): unknown {
    if (this.#prefix === '') return schema;
    if (Array.isArray(schema)) return schema.map((one) => this.#withNames(one));
    if (!isMap(schema)) return schema;
    return Object.fromEntries(
      Object.entries(schema).map(([key, value]) => [
        key,
        key === '$ref' && typeof value === 'string' && value.startsWith(this.#prefix)
          ? keyOf(value.slice(this.#prefix.length))
          : key === 'enum' || key === 'const'
            ? value
            : this.#withNames(value),
      ]),
    );
  }
}

/** Ajv's own keyword `$async` makes a check return a promise, which would count as a value that fits. */
function synchronous(validate: ValidateFunction): ValidateFunction {
  if ('$async' in validate) throw new Error('$async is not a keyword of JSON Schema');
  return validate;
}

function keyOf(name: string): string {
  return `schema:${encodeURIComponent(name)}`;
}

function faultsOf(validate: ValidateFunction, value: unknown): SchemaFault[] {
  if (validate(value)) return [];
  const faults = new Map<string, SchemaFault>();
  for (const error of validate.errors ?? []) {
    if (faults.size === mostFaults) break;
    const fault = faultOf(error);
    faults.set(JSON.stringify([fault.path, fault.message]), fault);
  }
  validate.errors = null;
  return [...faults.values()];
}

function faultOf({ instancePath, keyword, params, message = 'does not fit' }: ErrorObject): SchemaFault {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replace(/~1/g, '/').replace(/~0/g, '~').slice(0, longestStep));
  const at = (step: unknown) => [...path, String(step).slice(0, longestStep)];
  if (keyword === 'required' || keyword === 'dependentRequired') return { path: at(params['missingProperty']), message: 'is missing' };
  if (keyword === 'additionalProperties') return { path: at(params['additionalProperty']), message: 'is not allowed here' };
  if (keyword === 'unevaluatedProperties') return { path: at(params['unevaluatedProperty']), message: 'is not allowed here' };
  if (keyword === 'enum') return { path, message: `must be one of ${listed(params['allowedValues'])}` };
  if (keyword === 'const') return { path, message: `must be ${listed([params['allowedValue']])}` };
  return { path, message: message.replace('must NOT', 'must not') };
}

/** Values of the schema, as far as they are short. */
function listed(values: unknown): string {
  const text = (Array.isArray(values) ? values : []).map((value) => JSON.stringify(value)).join(', ');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch {
    return false;
  }
}

/** The same text for values that are equal. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isMap(value)) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join()}}`;
}
