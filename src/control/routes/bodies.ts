import type { FastifySchemaCompiler } from 'fastify';
import type * as z from 'zod';
import { check } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { readSource } from '../../config/source.ts';
import type { ControlApp } from '../app.ts';

/** What may be sent: YAML reads JSON too, so all are read the same way. */
export const bodyTypes = ['application/json', 'application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/plain'];

/** Most bytes of a body that is no document of an operator's: reading more would hold up traffic. */
export const smallBody = 64 * 1024;

const written = new WeakMap<object, unknown>();

/** The checked `body` of a request as its sender wrote it, before defaults were filled in. */
export function asWritten<Schema extends z.ZodType>(body: z.output<Schema> & object): z.input<Schema> {
  return written.get(body) as z.input<Schema>;
}

/** Takes bodies as bytes: reading them is the check's work, since only the text knows on which line a fault stands. */
export function acceptBodies(app: ControlApp): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(bodyTypes, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** Holds parameters, query and body against a route's schemas; all faults come back as one `SluiceError`. */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    try {
      return { value: httpPart === 'body' ? readBody(data, schema) : readFields(data, schema, httpPart) };
    } catch (error) {
      return { error: error as Error };
    }
  };
};

function readBody(data: unknown, schema: z.ZodType): unknown {
  const source = readSource(Buffer.isBuffer(data) ? data : '');
  // No body at all is the same as one that leaves everything out.
  const given = source.value ?? {};
  const { value, faults } = check(given, schema, source.lineOf);
  if (faults) throw refusal('invalid', faults);
  if (value !== null && typeof value === 'object') written.set(value, given);
  return value;
}

function readFields(data: unknown, schema: z.ZodType, part: string | undefined): unknown {
  const { value, faults } = check(data, schema);
  if (faults)
    throw refusal(
      'invalid',
      faults.map((fault) => ({ ...fault, path: part === 'querystring' ? `?${fault.path}` : `{${fault.path}}` })),
    );
  return value;
}
