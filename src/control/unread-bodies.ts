import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';
import { Lingering } from './lingering.ts';

/** Octets of an unwanted body up to which it is read to its end, so that the connection can be kept. */
export const maxUnreadBytes = 64 * 1024;

/** The reading part of a socket's handle, of a TLS connection too. */
type Reading = { _handle: { readStart?(): number; readStop?(): number } | null };

/**
 * Ends the connection of a request that is answered before its body was read, unless little of the body is left. Otherwise Node.js would
 * read and drop all of it: work that anyone could cause without a token.
 */
export function cutUnreadBodies(server: Server, clock: Clock): void {
  const lingering = new Lingering(clock);
  server.once('close', () => lingering.close());
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!mayBeLong(request)) return;
    const { writeHead } = response;
    // The head is the last moment at which an answer can say that the connection closes.
    response.writeHead = ((...given: Parameters<typeof writeHead>) => {
      if (!request.complete) {
        const { socket } = request;
        response.shouldKeepAlive = false;
        readNoMore(socket);
        socket.destroySoon = () => lingering.end(socket);
      }
      return writeHead.apply(response, given);
    }) as typeof writeHead;
  });
}

function mayBeLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxUnreadBytes;
}

/** Node.js resumes reading once the answer is written, to drop the body, and would read and copy megabytes of it in one turn of the event loop. */
function readNoMore(socket: Socket): void {
  const handle = (socket as unknown as Reading)._handle;
  handle?.readStop?.();
  if (handle?.readStart !== undefined) handle.readStart = () => 0;
}
