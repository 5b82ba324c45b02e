import { isLarge, jsonPieces } from '../../model/json-pieces.ts';
import type { ControlApp } from './control-app.ts';
import { bodyOf, sharedOctets } from './shared-octets.ts';

/**
 * Has every large answer written as JSON in pieces, spread over turns: thousands of servers have megabytes, and traffic would wait for all of them. If
 * several requests are answered with the same object, it is written once.
 */
export function answerInPieces(app: ControlApp): void {
  const written = new WeakMap<object, Promise<readonly Buffer[]>>();
  const octetsOf = (whole: object) => {
    const octets = written.get(whole) ?? sharedOctets(jsonPieces(whole));
    written.set(whole, octets);
    return octets;
  };
  app.addHook('preSerialization', async (_request, reply, payload) => {
    if (isLarge(payload)) {
      const octets = await octetsOf(payload as object);
      reply.serializer(() => bodyOf(octets) as never);
    }
    return payload;
  });
}
