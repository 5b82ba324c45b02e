import * as z from 'zod';
import { check, faultAt } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import type { Source } from '../../config/source.ts';
import { isMap } from '../../model/is-map.ts';
import { readLargeSource } from './large-source.ts';

const text = z.union([z.string(), z.number().transform(String)], 'must be text');

const info = z.looseObject({
  title: z.string().default('').meta({ description: "the API's title" }),
  version: text.default(''),
});
const paths = z.record(z.string(), z.unknown()).default({});

/** The parts of an OpenAPI 3 document that a gateway needs (OpenAPI Specification 3.1, section 4.8). */
const openapi = z.looseObject({
  openapi: text.refine(
    (version) => /^3(\.[0-2](\.\d+.*)?)?$/.test(version),
    'must be 3.0, 3.1 or 3.2: convert the document to one of them',
  ),
  info,
  servers: z
    .array(
      z.looseObject({
        url: z.string().meta({ description: 'the address of the API' }),
        variables: z.record(z.string(), z.looseObject({ default: text })).optional(),
      }),
    )
    .default([]),
  paths,
});

/** The same parts of an OpenAPI 2 document (Swagger 2.0). */
const swagger = z.looseObject({
  swagger: text.refine((version) => /^2(\.0)?$/.test(version), 'must be "2.0": convert the document to 2.0 or 3'),
  info,
  host: z.string().default(''),
  basePath: z.string().default('/'),
  paths,
});

/** Versions of the specification, as far as they differ in a request: 3.1 stands for 3.2 too. */
export type SpecificationVersion = '2.0' | '3.0' | '3.1';

/** A document and the line numbers of its parts. */
export interface OpenApiDocument {
  readonly specification: SpecificationVersion;
  /** The whole document, to which references point. */
  readonly root: Readonly<Record<string, unknown>>;
  readonly title: string;
  /** The author's label. */
  readonly version: string;
  readonly paths: Readonly<Record<string, unknown>>;
  /** The distinct paths of the document's servers, with every variable at its default. */
  readonly serverPaths: readonly string[];
  readonly lineOf: Source['lineOf'];
}

/** Reads an OpenAPI document, 2.0, 3.0, 3.1 or 3.2, in YAML or JSON. Throws a `SluiceError` that carries every fault with its line. */
export function readOpenApi(content: Uint8Array): OpenApiDocument {
  const { value, lineOf } = readLargeSource(content);
  if (!isMap(value) || !('openapi' in value || 'swagger' in value)) {
    const message = 'is missing: this is not an OpenAPI document, which has a field such as openapi: "3.1.0" or swagger: "2.0"';
    throw refusal('invalid', [{ path: 'openapi', message }]);
  }
  if ('openapi' in value && 'swagger' in value) {
    throw refusal('invalid', [faultAt(['swagger'], 'stands beside openapi: keep the one that the document follows', lineOf, 'key')]);
  }
  return 'swagger' in value ? readVersion2(value, lineOf) : readVersion3(value, lineOf);
}

function readVersion2(root: Record<string, unknown>, lineOf: Source['lineOf']): OpenApiDocument {
  const { info, basePath, paths } = checked(root, swagger, lineOf);
  return { specification: '2.0', root, ...info, paths, serverPaths: [pathOf(basePath)], lineOf };
}

function readVersion3(root: Record<string, unknown>, lineOf: Source['lineOf']): OpenApiDocument {
  const { openapi: version, info, servers, paths } = checked(root, openapi, lineOf);
  const urls = servers.map(({ url, variables }) =>
    url.replace(/\{([^{}]*)\}/g, (whole, name: string) =>
      variables && Object.hasOwn(variables, name) ? (variables[name]?.default ?? whole) : whole,
    ),
  );
  const specification = version === '3' || version.startsWith('3.0') ? '3.0' : '3.1';
  return { specification, root, ...info, paths, serverPaths: [...new Set(urls.map(pathOf))], lineOf };
}

function checked<Schema extends z.ZodType>(root: unknown, schema: Schema, lineOf: Source['lineOf']): z.output<Schema> {
  const { value, faults } = check(root, schema, lineOf);
  if (faults) throw refusal('invalid', faults);
  return value;
}

/** The path of a URL, which may be relative, without a slash at its end. */
function pathOf(url: string): string {
  const { pathname } = URL.canParse(url, 'http://host') ? new URL(url, 'http://host') : { pathname: '/' };
  return pathname.replace(/(?<=.)\/+$/, '');
}
