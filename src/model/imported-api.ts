import * as z from 'zod';
import type { Immutable } from './immutable.ts';

/** A JSON Schema, checked when it is compiled. */
export const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())], 'must be a JSON Schema: a map, true or false').meta({
  title: 'JSON Schema',
});

/** Places of a parameter in a request. */
export const parameterPlaces = ['path', 'query', 'header', 'cookie'] as const;

const styles = ['simple', 'label', 'matrix', 'form', 'spaceDelimited', 'pipeDelimited', 'tabDelimited', 'deepObject'] as const;

/** A parameter of a request (OpenAPI 3.1, section 4.8.12). */
export const parameter = z.strictObject({
  name: z.string().min(1).meta({ description: 'name of the parameter' }),
  in: z.enum(parameterPlaces).meta({ description: 'where it is' }),
  required: z.boolean().optional().meta({ description: 'true: a request needs it. Path parameters are always required. Not given: false' }),
  style: z
    .enum(styles)
    .optional()
    .meta({ description: 'how lists and maps are written. Not given: simple for path and header, else form' }),
  explode: z
    .boolean()
    .optional()
    .meta({ description: 'true: each entry of a list or map stands by itself. Not given: true for style form' }),
  json: z.boolean().optional().meta({ description: 'true: the value is JSON. Not given: false' }),
  schema: jsonSchema.optional().meta({ description: 'JSON Schema of the value; numbers and booleans are read from their text' }),
});

/** Demands on a body of one content type. */
const content = z.strictObject({
  schema: jsonSchema.optional().meta({ description: 'JSON Schema of the body' }),
});

/** Demands on a request for one operation. */
export const operation = z.strictObject({
  parameters: z.array(parameter).optional().meta({ description: 'parameters of the request' }),
  body: z
    .strictObject({
      required: z.boolean().optional().meta({ description: 'true: a request needs a body. Not given: false' }),
      content: z
        .record(z.string(), content)
        .meta({ description: 'what the body must be, by content type, which may be a range such as text/*' }),
    })
    .optional()
    .meta({ description: 'body of the request' }),
});

/** The description of an API that a project was imported from, as far as a gateway checks requests by it. */
export const importedApi = z
  .strictObject({
    target: z.string().optional().meta({ description: 'the --target of the import' }),
    operations: z
      .record(z.string(), z.record(z.string(), operation))
      .meta({ description: 'what a request must be, by path and method; `validate: { openapi: true }` checks it' }),
    schemas: z
      .record(z.string(), jsonSchema)
      .optional()
      .meta({ description: 'schemas (JSON Schema, draft 2020-12) that others refer to as #/openapi/schemas/NAME' }),
  })
  .meta({ description: 'written by `sluice project import`, which replaces it as a whole' });

export type ImportedApi = Immutable<z.output<typeof importedApi>>;
export type Operation = Immutable<z.output<typeof operation>>;
export type Parameter = Immutable<z.output<typeof parameter>>;

/** Start of the references to the schemas of an imported API. */
export const schemaReference = '#/openapi/schemas/';
