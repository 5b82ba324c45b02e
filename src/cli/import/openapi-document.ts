import * as z from 'zod';
import { check, faultAt } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { readSource, type Source } from '../../config/source.ts';
import { isMap } from '../../model/is-map.ts';

/** OpenAPI documents are often generated: those of large companies reach a dozen megabytes. */
export const maxDocumentBytes = 16 * 1024 * 1024;
const limits = { bytes: maxDocumentBytes, lexemes: 12_000_000, values: 4_000_000 };

const text = z.union([z.string(), z.number().transform(String)], 'must be text');

/** The parts of an OpenAPI document that a gateway needs (OpenAPI Specification 3.1, section 4.8). */
const openapi = z.looseObject({
  openapi: text.refine(
    (version) => /^3(\.[0-2](\.\d+.*)?)?$/.test(version),
    'must be 3.0, 3.1 or 3.2: convert the document to one of them',
  ),
  info: z.looseObject({
    title: z.string().default('').meta({ description: "the API's title" }),
    version: text.default(''),
  }),
  servers: z
    .array(
      z.looseObject({
        url: z.string().meta({ description: 'the address of the API' }),
        variables: z.record(z.string(), z.looseObject({ default: text })).optional(),
      }),
    )
    .default([]),
  paths: z.record(z.string(), z.unknown()).default({}),
});

export type OpenApi = z.output<typeof openapi>;

/** A document and the line numbers of its parts. */
export interface OpenApiDocument {
  readonly api: OpenApi;
  readonly lineOf: Source['lineOf'];
}

/** Reads an OpenAPI 3 document, YAML or JSON. Throws a `SluiceError` that carries every fault with its line. */
export function readOpenApi(content: Uint8Array): OpenApiDocument {
  const { value, lineOf } = readSource(content, undefined, limits);
  if (isMap(value) && 'swagger' in value) {
    throw refusal('invalid', [faultAt(['swagger'], 'means OpenAPI 2 (Swagger): convert the document to OpenAPI 3 first', lineOf, 'key')]);
  }
  if (!isMap(value) || !('openapi' in value)) {
    const message = 'is missing: this is not an OpenAPI document, which has a field such as openapi: "3.1.0"';
    throw refusal('invalid', [{ path: 'openapi', message }]);
  }
  const { value: api, faults } = check(value, openapi, lineOf);
  if (faults) throw refusal('invalid', faults);
  return { api, lineOf };
}
