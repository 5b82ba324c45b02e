import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';

/** Octets of an unwanted body up to which it is read to its end, so that the connection can be kept. */
export const maxUnreadBytes = 64 * 1024;
/** Milliseconds that a client gets to read its answer before the connection is cut. */
const lingerMs = 1000;

/**
 * Ends the connection of a request that is answered before its body was read, unless little of the body is left. Otherwise Node.js would
 * read and drop all of it: work that anyone could cause without a token.
 */
export function cutUnreadBodies(server: Server, clock: Clock): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!mayBeLong(request)) return;
    const { writeHead } = response;
    // The head is the last moment at which an answer can say that the connection closes.
    response.writeHead = ((...given: Parameters<typeof writeHead>) => {
      if (!request.complete) {
        response.shouldKeepAlive = false;
        request.socket.destroySoon = () => closeUnread(request.socket, clock);
      }
      return writeHead.apply(response, given);
    }) as typeof writeHead;
  });
}

function mayBeLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxUnreadBytes;
}

/** Sends the FIN, and reads no more. Closing at once would reset the connection, and the client might lose the answer. */
function closeUnread(socket: Socket, clock: Clock): void {
  socket.end();
  // Node.js resumes reading at the end of this turn, to drop the body.
  setImmediate(() => socket.pause());
  const cut = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', () => cut.cancel());
}
