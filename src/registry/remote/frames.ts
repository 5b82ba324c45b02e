import * as z from 'zod';
import { SluiceError } from '../../model/fault.ts';
import { errorCode, fault } from '../../model/fault-schema.ts';
import { news } from '../../model/news.ts';
import { parsePieces, shortText } from '../../model/parse-pieces.ts';
import { inTurns, type Pieces } from '../../model/pieces.ts';

/**
 * Messages between a remote registry and a registration endpoint: JSON, one in each WebSocket text frame.
 * The client calls methods and watches; the endpoint answers each call by its `call` number, and sends news.
 */
const fromClient = z.union([
  z.object({ call: z.int().min(0), method: z.string(), params: z.unknown().optional() }),
  /** Asks for news of one server, or of all servers, and of callers and purges if the client knows these kinds. Answered once no later change can be missed. */
  z.object({
    call: z.int().min(0),
    watch: z.object({
      server: z.string().max(100).exactOptional(),
      callers: z.literal(true).exactOptional(),
      purges: z.literal(true).exactOptional(),
    }),
  }),
]);

const fromEndpoint = z.union([
  z.object({ news }),
  z.object({ call: z.int().min(0), error: z.object({ code: errorCode, message: z.string(), faults: z.array(fault) }) }),
  z.object({ call: z.int().min(0), result: z.unknown().optional() }),
]);

export type ClientFrame = z.output<typeof fromClient>;
export type EndpointFrame = z.output<typeof fromEndpoint>;

/** Decodes a client's frame; undefined if it is malformed. */
export function decodeClientFrame(text: string): ClientFrame | undefined {
  return decode(fromClient, text);
}

/** Decodes an endpoint's frame; undefined if it is malformed. A long one, with contents of revisions, is parsed in turns of the event loop. */
export function decodeEndpointFrame(text: string): EndpointFrame | undefined | Promise<EndpointFrame | undefined> {
  return text.length > shortText ? inTurns(decodeInPieces(fromEndpoint, text)) : decode(fromEndpoint, text);
}

/** Frame that reports an error to the other side: a refusal in full, any other error without its details. */
export function errorFrame(call: number, error: unknown): EndpointFrame {
  const refusal = error instanceof SluiceError ? error : new SluiceError('internal', 'the registry failed: see the log of the balancer');
  return { call, error: { code: refusal.code, message: refusal.message, faults: [...refusal.faults] } };
}

function decode<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function* decodeInPieces<Schema extends z.ZodType>(schema: Schema, text: string): Pieces<z.output<Schema> | undefined> {
  try {
    return schema.safeParse(yield* parsePieces(text)).data;
  } catch {
    return undefined;
  }
}
