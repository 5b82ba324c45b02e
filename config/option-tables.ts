/** The keywords of JSON Schema (draft 7) that `jsonSchemas()` writes. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

/** One row of a table: an option that has a single value. */
export interface Option {
  /** Keys from the root of the schema; `<name>` stands for a free key, `[]` for each entry of a list. */
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Options of one map: of the root, or of a map within. */
export interface OptionGroup {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly options: readonly Option[];
}

/** Groups all options of a schema, in the schema's order; a group comes before the groups within it. */
export function groupsOf(schema: JsonSchema, definitions = schema.definitions ?? {}, path: readonly string[] = []): OptionGroup[] {
  const inner: OptionGroup[] = [];
  const options: Option[] = [];
  const whole = resolve(schema, definitions);
  for (const [key, property] of Object.entries(whole.properties ?? {})) {
    const found = resolve(property, definitions);
    const maps = mapsIn(found, definitions, [...path, key]);
    inner.push(...maps.flatMap((map) => groupsOf({ ...map.schema, ...describing(found) }, definitions, map.path)));
    if (maps.length === 0 || found.anyOf !== undefined)
      options.push({ path: [...path, key], schema: found, required: whole.required?.includes(key) ?? false });
  }
  return [{ path, schema: whole, options }, ...inner];
}

function describing({ description }: JsonSchema): JsonSchema {
  return description === undefined ? {} : { description };
}

function resolve(schema: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const { $ref, ...rest } = schema;
  if ($ref === undefined) return schema;
  return { ...definitions[$ref.replace('#/definitions/', '')], ...rest };
}

/** Finds the maps with named keys that a value may be or contain. */
function mapsIn(
  schema: JsonSchema,
  definitions: Readonly<Record<string, JsonSchema>>,
  path: readonly string[],
): { path: readonly string[]; schema: JsonSchema }[] {
  if (schema.properties !== undefined) return [{ path, schema }];
  const { anyOf = [], items, additionalProperties } = schema;
  const within = (inner: JsonSchema, step: string) => mapsIn(resolve(inner, definitions), definitions, [...path, step]);
  return [
    ...anyOf.flatMap((option) => mapsIn(resolve(option, definitions), definitions, path)),
    ...(items === undefined ? [] : within(items, '[]')),
    ...(typeof additionalProperties === 'object' ? within(additionalProperties, '<name>') : []),
  ];
}

/** Describes the allowed values: a type with unit and bounds, or a list of words. */
export function typeOf(schema: JsonSchema): string {
  const { title, type, minimum, maximum, items, additionalProperties, anyOf } = schema;
  if (schema.enum !== undefined) return schema.enum.map(code).join(' ');
  if (schema.const !== undefined) return code(schema.const);
  if (type === 'boolean') return '`true` `false`';
  if (type === 'integer' || type === 'number') return `${title ?? 'number'}${bounds(minimum, maximum)}`;
  if (title !== undefined) return title;
  if (anyOf !== undefined) return [...new Set(anyOf.filter((one) => one.properties === undefined).map(typeOf))].join(' or ');
  if (type === 'array') return `list of ${items === undefined ? 'values' : typeOf(items)}`;
  if (type === 'object') return `map of ${typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'settings'}`;
  return 'text';
}

function bounds(minimum: number | undefined, maximum: number | undefined): string {
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (most !== undefined) return `, ${minimum ?? 0}–${most}`;
  return minimum === undefined ? '' : `, ≥ ${minimum}`;
}

/** The default as it would be written; empty if there is none. */
export function defaultOf({ schema, required }: Option): string {
  if (required) return '**required**';
  const { default: value } = schema;
  if (value === undefined || value === '' || isEmpty(value)) return '';
  return Array.isArray(value) ? value.map(code).join(' ') : code(value);
}

function isEmpty(value: unknown): boolean {
  return value !== null && typeof value === 'object' && Object.keys(value).length === 0;
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}

/** A table in Markdown. Characters that would end a cell are escaped. */
export function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
