import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../model/clock.ts';

/** Octets of an unwanted body up to which it is read to its end, so that the connection can be kept. */
export const maxUnreadBytes = 64 * 1024;
/** Milliseconds that a client gets to read its answer before the connection is cut. */
const lingerMs = 1000;
/** Most connections at a time whose clients get that long. Each has objects that a garbage collection copies, which delays traffic. */
export const maxLingering = 64;

/**
 * Ends the connection of a request that is answered before its body was read, unless little of the body is left. Otherwise Node.js would
 * read and drop all of it: work that anyone could cause without a token.
 */
export function cutUnreadBodies(server: Server, clock: Clock): void {
  const unread = new UnreadConnections(clock);
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!mayBeLong(request)) return;
    const { writeHead } = response;
    // The head is the last moment at which an answer can say that the connection closes.
    response.writeHead = ((...given: Parameters<typeof writeHead>) => {
      if (!request.complete) {
        response.shouldKeepAlive = false;
        request.socket.destroySoon = () => unread.end(request.socket);
      }
      return writeHead.apply(response, given);
    }) as typeof writeHead;
  });
}

function mayBeLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxUnreadBytes;
}

/** Connections that wait until their clients have read the answers. */
class UnreadConnections {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #lingering = new Map<Socket, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends the FIN, and reads no more. Closing at once would reset the connection, and the client might lose the answer. */
  end(socket: Socket): void {
    if (this.#lingering.has(socket)) return;
    socket.end();
    // Node.js resumes reading at the end of this turn, to drop the body.
    setImmediate(() => socket.pause());
    this.#lingering.set(
      socket,
      this.#clock.after(lingerMs, () => socket.destroy()),
    );
    socket.once('close', () => {
      this.#lingering.get(socket)?.cancel();
      this.#lingering.delete(socket);
    });
    const [oldest] = this.#lingering.keys();
    if (this.#lingering.size > maxLingering) oldest?.destroy();
  }
}
