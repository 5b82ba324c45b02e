import type { Operation } from '../../model/imported-api.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { formOfJson } from '../../model/json-text.ts';
import type { Pieces } from '../../model/pieces.ts';
import type { PolicyAnswer, PolicyContext } from '../contract.ts';
import { refuse } from '../refusal.ts';
import { BrokenEncoding, decoded, pairsOf } from './parameter-values.ts';
import type { Check, SchemaCompiler, SchemaFault } from './schema-compiler.ts';
import { type Follow, innerReading, isList, shapeOf } from './written-value.ts';

/** Deepest nesting of JSON that is checked. */
const maxDepth = 200;
/** Octets of a body up to which all of its faults are looked for; of a larger one the first. */
const fewOctets = 64 * 1024;

/** The content type of HTML forms. */
const formType = 'application/x-www-form-urlencoded';

/** Reads the value of a body and checks it. */
type ContentCheck = (body: Buffer) => readonly SchemaFault[];

type Content = NonNullable<Operation['body']>['content'];

/** Result of a check: an answer of its own, or the faults; undefined: the exchange has ended. */
export type BodyResult = PolicyAnswer | readonly SchemaFault[] | undefined;

/** Checks bodies against what was given for their content type. */
export class BodyCheck {
  readonly #required: boolean;
  readonly #maxBytes: number;
  /** By content type or range of types; undefined: the body is not looked into. */
  readonly #checks: ReadonlyMap<string, ContentCheck | undefined>;

  private constructor(required: boolean, maxBytes: number, checks: ReadonlyMap<string, ContentCheck | undefined>) {
    this.#required = required;
    this.#maxBytes = maxBytes;
    this.#checks = checks;
  }

  static *compile(
    body: { readonly required?: boolean | undefined; readonly content: Content },
    maxBytes: number,
    compiler: SchemaCompiler,
  ): Pieces<BodyCheck> {
    const checks = new Map<string, ContentCheck | undefined>();
    for (const [type, { schema }] of Object.entries(body.content)) {
      checks.set(type.toLowerCase(), schema === undefined ? undefined : yield* contentCheck(type.toLowerCase(), schema, compiler));
    }
    return new BodyCheck(body.required === true, maxBytes, checks);
  }

  /** Faults of the request's body. It is read only if there is something to check in it. */
  run(context: PolicyContext): BodyResult | Promise<BodyResult> {
    const { headers } = context.request;
    const given = headers.get('content-type');
    const length = headers.get('content-length');
    if (given === undefined) {
      if (length !== undefined && length !== '0') return this.#unsupported(context, 'The request has a body without Content-Type');
      return then(context.collectBody(this.#maxBytes), (body) =>
        body.length > 0 ? this.#unsupported(context, 'The request has a body without Content-Type') : this.#missing(),
      );
    }
    const type = essenceOf(given);
    const known = type && this.#keyFor(type);
    if (type === undefined || known === undefined)
      return this.#unsupported(context, 'The content type of the request is not one of those that are allowed');
    // A range may have a schema: of the types in it, only JSON is looked into.
    const check = isJson(type) || type === known ? this.#checks.get(known) : undefined;
    if (check === undefined) return length === '0' ? this.#missing() : [];
    const coding = headers.get('content-encoding');
    if (coding !== undefined && coding.trim().toLowerCase() !== 'identity')
      return refuse(context, {
        ...unsupported,
        title: 'The content of the request is encoded, so that it cannot be checked',
        headers: { 'accept-encoding': 'identity' },
      });
    if (!isUtf8(given)) return this.#unsupported(context, 'The charset of the request is not utf-8');
    return then(context.collectBody(this.#maxBytes), (body) => (body.length === 0 ? this.#missing() : check(body)));
  }

  #missing(): readonly SchemaFault[] {
    return this.#required ? [{ path: ['body'], message: 'is missing' }] : [];
  }

  /** The entry for a type: itself, or else the narrowest range. */
  #keyFor(type: string): string | undefined {
    const [main, sub = ''] = type.split('/');
    const suffix = sub.includes('+') ? sub.slice(sub.lastIndexOf('+')) : '';
    return [type, `${main}/*${suffix}`, `${main}/*`, '*/*'].find((key) => this.#checks.has(key));
  }

  #unsupported(context: PolicyContext, title: string): PolicyAnswer {
    return refuse(context, { ...unsupported, title, headers: { accept: [...this.#checks.keys()].join(', ') } });
  }
}

const unsupported = { status: 415, code: 'unsupported-media-type' };

/** Applies `next` to the body, at once if it is here already. */
function then(body: ReturnType<PolicyContext['collectBody']>, next: (body: Buffer) => BodyResult): BodyResult | Promise<BodyResult> {
  if (body instanceof Promise) return body.then((read) => (read === undefined ? undefined : next(read)));
  return body === undefined ? undefined : next(body);
}

function* contentCheck(type: string, schema: JsonSchema, compiler: SchemaCompiler): Pieces<ContentCheck | undefined> {
  if (type === formType) return formCheck(schema, yield* compiler.compile(schema), compiler);
  if (!isJson(type) && !type.includes('*')) return undefined;
  const check = yield* compiler.compile(schema);
  return (body) => {
    const read = readJson(body);
    return 'faults' in read ? read.faults : inBody(checked(check, read.value, body.length));
  };
}

/** A check against a schema that contains itself may nest as deep as the value, deeper than the stack. */
function checked(check: Check, value: unknown, octets: number): readonly SchemaFault[] {
  try {
    return check(value, octets <= fewOctets);
  } catch (error) {
    if (error instanceof RangeError) return [{ path: [], message: 'nests too deep to be checked' }];
    throw error;
  }
}

function inBody(faults: readonly SchemaFault[]): readonly SchemaFault[] {
  return faults.map(({ path, message }) => ({ path: ['body', ...path], message }));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readJson(body: Buffer): { readonly value: unknown } | { readonly faults: readonly SchemaFault[] } {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(body);
    value = JSON.parse(text);
  } catch {
    return { faults: [{ path: ['body'], message: 'is not valid JSON' }] };
  }
  const { doubled, depth } = formOfJson(text);
  if (depth > maxDepth) return { faults: [{ path: ['body'], message: `nests deeper than ${maxDepth} levels` }] };
  if (doubled.length > 0)
    return { faults: inBody(doubled.map((path) => ({ path: path.map((step) => String(step).slice(0, 100)), message: 'is given twice' }))) };
  return { value };
}

/** Reads the fields of a form as query parameters are read: lists by repetition, each text by the type of its property. */
function formCheck(schema: JsonSchema, check: Check, compiler: SchemaCompiler): ContentCheck {
  const follow: Follow = (one) => compiler.followed(one);
  const { properties } = shapeOf(schema, follow);
  return (body) => {
    const entries: [string, unknown][] = [];
    for (const [name, texts] of pairsOf(body.toString('latin1'))) {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      const shape = shapeOf(property, follow);
      try {
        const values = texts.map((text) => innerReading(decoded(text), isList(shape) ? shape.items : property, follow));
        if (!isList(shape) && values.length > 1) return [{ path: ['body', name.slice(0, 100)], message: 'is given more than once' }];
        entries.push([name, isList(shape) ? values : values[0]]);
      } catch (error) {
        if (!(error instanceof BrokenEncoding)) throw error;
        return [{ path: ['body', name.slice(0, 100)], message: error.message }];
      }
    }
    return inBody(check(Object.fromEntries(entries), body.length <= fewOctets));
  };
}

/** A content type without its parameters, in lower case; undefined if it is malformed, or there are several. */
function essenceOf(field: string): string | undefined {
  const type = (field.split(';')[0] as string).trim().toLowerCase();
  return /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(type) && !hasSeveral(field) ? type : undefined;
}

function hasSeveral(field: string): boolean {
  return field.replace(/"(\\.|[^"\\])*"/g, '').includes(',');
}

function isUtf8(field: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)"?/i.exec(field)?.[1];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

/** True for the content types of JSON. */
function isJson(type: string): boolean {
  return /^(application|text)\/json$|\+json$/.test(type);
}
