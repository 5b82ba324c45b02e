import type { DocumentPlace, Step } from './document-place.ts';

/** The keywords of JSON Schema (draft 7) that completion reads. */
export interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly maxProperties?: number;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** A word that can be written at a place of a document. */
export interface Option {
  readonly word: string;
  /** `key`: the key of a map; `value`: the value itself. */
  readonly kind: 'key' | 'value';
  /** The form of the value after a key. */
  readonly opens: 'map' | 'list' | 'value';
  /** Type and default in a few words. */
  readonly detail: string;
  readonly description: string;
  readonly required: boolean;
  /** True if the word begins an entry of a list, and its dash has not been written. */
  readonly dashed: boolean;
}

/** The words that a schema allows at a place. */
export function optionsAt(whole: Schema, place: DocumentPlace): Option[] {
  const found = schemasAt(whole, place.path);
  if (place.kind === 'value') return unlike(found.flatMap(valuesOf));
  return unlike(found.flatMap((schema) => optionsOf(whole, schema, place, false)));
}

function optionsOf(whole: Schema, schema: Schema, place: DocumentPlace, dashed: boolean): Option[] {
  if (schema.items !== undefined && !place.flow && !dashed) {
    return alternatives(whole, schema.items).flatMap((item) => optionsOf(whole, item, { ...place, used: new Set() }, true));
  }
  if (schema.properties === undefined) return valuesOf(schema).map((option) => ({ ...option, dashed }));
  // One policy an entry: the second key would be refused.
  if (schema.maxProperties !== undefined && place.used.size >= schema.maxProperties) return [];
  return Object.entries(schema.properties)
    .filter(([key]) => !place.used.has(key))
    .map(([word, property]) => {
      const choices = alternatives(whole, property);
      const required = schema.required?.includes(word) ?? false;
      return {
        word,
        kind: 'key',
        opens: opening(choices),
        detail: [typeOf(property, choices), required ? 'required' : defaultOf(property)].filter((part) => part !== '').join(', '),
        description: property.description ?? choices[0]?.description ?? '',
        required,
        dashed,
      } as const;
    });
}

/** The schemas of the value at a path: several, if it may have several forms. */
function schemasAt(whole: Schema, path: readonly Step[]): Schema[] {
  return path.reduce<Schema[]>(
    (found, step) => found.flatMap((schema) => stepInto(schema, step).flatMap((inner) => alternatives(whole, inner))),
    alternatives(whole, whole),
  );
}

function stepInto({ properties = {}, additionalProperties, items }: Schema, step: Step): Schema[] {
  if (typeof step === 'number') return items === undefined ? [] : [items];
  const own = Object.hasOwn(properties, step) ? properties[step] : undefined;
  if (own !== undefined) return [own];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

/** The forms that a value of a schema may have; each inherits the description. */
function alternatives(whole: Schema, schema: Schema): Schema[] {
  if (schema.$ref !== undefined) {
    const { $ref, definitions: _, ...own } = schema;
    const named = whole.definitions?.[$ref.replace('#/definitions/', '')];
    return named === undefined
      ? []
      : alternatives(whole, { ...named, ...(own.description !== undefined && { description: own.description }) });
  }
  if (schema.anyOf === undefined) return [schema];
  const { anyOf, ...own } = schema;
  return anyOf.flatMap((one) => alternatives(whole, { ...own, ...one }));
}

function opening(choices: readonly Schema[]): Option['opens'] {
  if (choices.some(isMap)) return 'map';
  return choices.some(({ type }) => type === 'array') ? 'list' : 'value';
}

function isMap({ type }: Schema): boolean {
  return type === 'object' || (Array.isArray(type) && type.includes('object'));
}

/** The values that a schema names. */
function valuesOf({ enum: named, const: only, type, default: preset, description = '' }: Schema): Option[] {
  const values = named ?? (only !== undefined ? [only] : type === 'boolean' ? [true, false] : isWord(preset) ? [preset] : []);
  return values.map((value) => ({
    word: String(value),
    kind: 'value',
    opens: 'value',
    detail: value === preset ? 'default' : '',
    description,
    required: false,
    dashed: false,
  }));
}

function isWord(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function typeOf({ title }: Schema, choices: readonly Schema[]): string {
  if (title !== undefined) return title.replaceAll('`', '');
  const [first] = choices;
  if (first === undefined) return '';
  if (isMap(first)) return 'map';
  if (first.type === 'array') return 'list';
  const values = choices.flatMap((choice) => valuesOf({ ...choice, default: undefined })).map(({ word }) => word);
  if (values.length > 1) return values.join(' | ');
  return { string: 'text', integer: 'number', number: 'number', boolean: 'true | false' }[String(first.type)] ?? '';
}

function defaultOf({ default: preset }: Schema): string {
  return preset === undefined || preset === '' || typeof preset === 'object' ? '' : `default ${preset}`;
}

/** The first of the options with the same word. */
function unlike(options: readonly Option[]): Option[] {
  const seen = new Set<string>();
  return options.filter(({ word }) => !seen.has(word) && seen.add(word));
}
