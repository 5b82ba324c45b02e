import { Readable } from 'node:stream';
import { isLarge, jsonPieces } from '../../model/json-pieces.ts';
import { spreadOverTurns } from '../../model/pieces.ts';
import { SharedPieces } from '../../model/shared-pieces.ts';
import type { ControlApp } from './control-app.ts';

/**
 * Has every large answer written as JSON in pieces, spread over turns: thousands of servers have megabytes, and traffic would wait for all of them. If
 * several requests are answered with the same object, it is written once.
 */
export function answerInPieces(app: ControlApp): void {
  const written = new WeakMap<object, SharedPieces<Buffer>>();
  const piecesOf = (whole: object) => {
    const pieces = written.get(whole) ?? new SharedPieces(octets(spreadOverTurns(jsonPieces(whole))));
    written.set(whole, pieces);
    return pieces;
  };
  app.addHook('preSerialization', async (_request, reply, payload) => {
    if (isLarge(payload))
      reply.serializer((whole: unknown) => Readable.from(spreadOverTurns(piecesOf(whole as object)), { objectMode: false }) as never);
    return payload;
  });
}

async function* octets(pieces: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece);
}
