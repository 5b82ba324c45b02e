import * as z from 'zod';
import { type ErrorCode, SluiceError, statusOf } from '../../model/fault.ts';
import { newsSchema } from '../documents.ts';

/**
 * The messages between a remote registry and a registration endpoint: JSON, one a WebSocket text frame.
 * The client calls and watches; the endpoint answers each by its `call` number, and tells news.
 */
const fromClient = z.union([
  z.object({ call: z.int().min(0), method: z.string(), params: z.unknown().optional() }),
  /** News is wanted: of one server, or of all. Answered once nothing can be missed. */
  z.object({ call: z.int().min(0), watch: z.object({ server: z.string().max(100).exactOptional() }) }),
]);

const code = z.enum(Object.keys(statusOf) as [ErrorCode, ...ErrorCode[]]);
const fault = z.object({ path: z.string(), line: z.int().exactOptional(), message: z.string() });

const fromEndpoint = z.union([
  z.object({ news: newsSchema }),
  z.object({ call: z.int().min(0), error: z.object({ code, message: z.string(), faults: z.array(fault) }) }),
  z.object({ call: z.int().min(0), result: z.unknown().optional() }),
]);

export type ClientFrame = z.output<typeof fromClient>;
export type EndpointFrame = z.output<typeof fromEndpoint>;

/** Undefined if it is none. */
export function decodeClientFrame(text: string): ClientFrame | undefined {
  return decode(fromClient, text);
}

/** Undefined if it is none. */
export function decodeEndpointFrame(text: string): EndpointFrame | undefined {
  return decode(fromEndpoint, text);
}

/** What the other side gets to know of an error: a refusal as it is, of anything else only that it happened. */
export function errorFrame(call: number, error: unknown): EndpointFrame {
  const refusal = error instanceof SluiceError ? error : new SluiceError('internal', 'the registry failed; its log says why');
  return { call, error: { code: refusal.code, message: refusal.message, faults: [...refusal.faults] } };
}

function decode<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
