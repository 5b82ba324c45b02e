import type { FastifyRequest, FastifySchemaCompiler } from 'fastify';
import type * as z from 'zod';
import { check } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { type DocumentReader, documents, type ReadDocument, readChecked } from '../documents.ts';
import type { ControlApp } from './control-app.ts';

/** Content types of a body. All are parsed as YAML, which includes JSON. */
export const bodyTypes = ['application/json', 'application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/plain'];

/** Maximum bytes of a body that is not an operator's document: parsing a larger one would delay traffic. */
export const smallBody = 64 * 1024;

/** Bodies as they were sent, by the checked value that a route receives: Fastify passes only that value on. */
const written = new WeakMap<object, unknown>();

/** Returns the checked `body` of a request as it was sent, before defaults were filled in. */
export function asWritten<Schema extends z.ZodType>(body: z.output<Schema> & object): z.input<Schema> {
  return written.get(body) as z.input<Schema>;
}

/** A document that has been read already. */
class AlreadyRead {
  readonly document: ReadDocument;

  constructor(document: ReadDocument) {
    this.document = document;
  }
}

/** Bytes of a document from which it is left to the reader: reading it here would delay traffic by some milliseconds. */
const largeDocument = 8 * 1024;

/**
 * Accepts bodies as bytes. {@link compileValidator} parses them, since it needs the text to find the line of a fault; large documents are
 * left to `read`.
 */
export function acceptBodies(app: ControlApp, read: DocumentReader = async (octets, kind) => readChecked(octets, documents[kind])): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(bodyTypes, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const { document } = request.routeOptions.config;
    if (document === undefined || body.length < largeDocument) return body;
    return new AlreadyRead(await read(body, document));
  });
}

/** Checks parameters, query and body against a route's schemas; all faults are reported together in one `SluiceError`. */
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
  const read = data instanceof AlreadyRead ? data.document : readChecked(Buffer.isBuffer(data) ? data : Buffer.alloc(0), schema);
  if (read.value !== null && typeof read.value === 'object') written.set(read.value, read.given);
  return read.value;
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
