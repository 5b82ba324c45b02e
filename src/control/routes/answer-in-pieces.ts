import { Readable } from 'node:stream';
import { isLarge, jsonPieces } from '../../model/json-pieces.ts';
import { spreadOverTurns } from '../../model/pieces.ts';
import type { ControlApp } from './control-app.ts';

/** Has every large answer written as JSON in pieces, spread over turns: thousands of servers have megabytes, and traffic would wait for all of them. */
export function answerInPieces(app: ControlApp): void {
  app.addHook('preSerialization', async (_request, reply, payload) => {
    if (isLarge(payload)) reply.serializer((whole: unknown) => Readable.from(spreadOverTurns(jsonPieces(whole))) as never);
    return payload;
  });
}
