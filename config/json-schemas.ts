import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { configSchema } from '../src/config/config-schema.ts';
import { policyPoints, project } from '../src/model/project.ts';
import { policyTypes } from '../src/policies/policy-types.ts';

type Schema = { [keyword: string]: unknown };

/**
 * JSON Schemas (draft 7, the version that editors support best) of configuration and project files, by file name in `config/`. They are
 * generated from the schemas that check the files. `npm run schema` writes them; a test fails if they are out of date. The dashboard's editor
 * completes projects by the second one.
 */
export function jsonSchemas(): Record<string, string> {
  return {
    'sluice.schema.json': render(jsonSchemaOf(configSchema), 'A Sluice balancer'),
    'project.schema.json': render(withPolicies(jsonSchemaOf(project)), 'A Sluice project'),
  };
}

/** The input side of each transform: that is what people write. */
export function jsonSchemaOf(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as Schema;
}

function render({ $schema, ...rest }: Schema, title: string): string {
  return `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`;
}

/** The schema of a project in which each list of policies names the policies of its point, with their settings. */
function withPolicies(whole: Schema): Schema {
  const inLists = mapped(whole, (schema) => {
    const points = schema['properties'] as Record<string, Schema> | undefined;
    if (points === undefined || !policyPoints.every((point) => points[point])) return schema;
    const lists = policyPoints.map((point) => [point, { ...points[point], items: { $ref: `#/definitions/${point}Policy` } }]);
    return { ...schema, properties: Object.fromEntries(lists) };
  });
  const policies = [...policyTypes].map(([name, { settings }]) => [`${name}Settings`, settingsSchema(name, settings)]);
  const choices = policyPoints.map((point) => {
    const names = [...policyTypes].flatMap(([name, { points }]) => (points.includes(point) ? [name] : []));
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/definitions/${name}Settings` }]));
    return [`${point}Policy`, { type: 'object', properties, minProperties: 1, maxProperties: 1, additionalProperties: false }];
  });
  const definitions = { ...(inLists['definitions'] as Schema), ...Object.fromEntries(choices), ...Object.fromEntries(policies) };
  return { ...inLists, definitions: { ...definitions, variable } };
}

const variable: Schema = {
  description: 'a variable of the environment: ${variables.NAME}',
  type: 'string',
  pattern: '\\$\\{variables\\.',
};

/** Settings of a policy. Each value may be a variable instead, and no settings at all may be left out (`null` in YAML). */
function settingsSchema(name: string, settings: z.ZodType): Schema {
  const { $schema: _, definitions, ...schema } = jsonSchemaOf(settings);
  if (definitions !== undefined)
    throw new Error(`the settings of ${name} refer to definitions, which the schema of a project cannot hold yet`);
  const { type, ...rest } = withVariables(schema);
  return { description: summaryOf(name), ...rest, type: Array.isArray(schema['required']) ? type : [type, 'null'] };
}

const values = [
  'type',
  'const',
  'enum',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
];

/** Lets each value other than an arbitrary text be a variable. */
function withVariables(whole: Schema): Schema {
  return mapped(whole, (schema) => {
    const { anyOf } = schema as { anyOf?: readonly Schema[] };
    if (anyOf !== undefined) return anyOf.some(isValue) ? { ...schema, anyOf: [...anyOf, { $ref: '#/definitions/variable' }] } : schema;
    const kept = Object.entries(schema).filter(([keyword]) => values.includes(keyword));
    if (!isValue(schema) || (schema['type'] === 'string' && kept.length === 1)) return schema;
    const others = Object.entries(schema).filter(([keyword]) => !values.includes(keyword));
    return { ...Object.fromEntries(others), anyOf: [Object.fromEntries(kept), { $ref: '#/definitions/variable' }] };
  });
}

function isValue(schema: Schema): boolean {
  return schema['type'] !== 'object' && schema['type'] !== 'array' && values.some((keyword) => schema[keyword] !== undefined);
}

/** A copy of a schema in which `change` was applied to every schema within, inner ones first. The choices of `anyOf` belong to the schema that has them. */
function mapped(schema: Schema, change: (schema: Schema) => Schema): Schema {
  return change(mappedWithin(schema, change));
}

function mappedWithin(schema: Schema, change: (schema: Schema) => Schema): Schema {
  const inner = (value: unknown): unknown => (isSchema(value) ? mapped(value, change) : value);
  const each = (map: unknown) => Object.fromEntries(Object.entries(map as Schema).map(([key, value]) => [key, inner(value)]));
  const changed = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (keyword === 'properties' || keyword === 'definitions') return [keyword, each(value)];
    if (keyword === 'anyOf') return [keyword, (value as Schema[]).map((choice) => mappedWithin(choice, change))];
    // Names of members are not settings: they are written out.
    return [keyword, keyword === 'items' || keyword === 'additionalProperties' ? inner(value) : value];
  });
  return Object.fromEntries(changed);
}

function isSchema(value: unknown): value is Schema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const page = new URL('../docs/policies.md', import.meta.url);

/** The beginning of a policy's section in docs/policies.md: `Changes header fields`. Throws if the page has no such section. */
function summaryOf(policy: string): string {
  const section = readFileSync(page, 'utf8').split(`\n## ${policy}\n`)[1] ?? '';
  const [, summary] = /^\s*([^;]+); can be used at /.exec(section) ?? [];
  if (summary === undefined) throw new Error(`docs/policies.md has no section "${policy}" that begins with what the policy does`);
  return summary.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/\s+/g, ' ');
}
