/**
 * Times for which a closing connection is still read, so that the client gets the response and not a reset (RFC 9112 section 9.6), in
 * milliseconds: without an octet from a client that has sent all of its request, from one that is still sending it, and altogether.
 * `halfClosed`: time to respond to a client that has sent its FIN. Most such clients are gone; some have only closed their sending side.
 */
export const lingerMs = { silent: 2000, sending: 5000, total: 30_000, halfClosed: 1000 };

/** Most connections that linger at a time. Each of them may receive for up to half a minute what is not wanted. */
const most = 1024;

/**
 * Connections that are read after their last response, so that the client gets that response and not a reset. When there are too many,
 * the one that has lingered longest is closed.
 */
class Lingering {
  readonly #connections = new Set<{ destroy(): void }>();

  enter(connection: { destroy(): void }): void {
    if (this.#connections.size >= most)
      for (const oldest of this.#connections) {
        this.leave(oldest);
        oldest.destroy();
        break;
      }
    this.#connections.add(connection);
  }

  leave(connection: { destroy(): void }): void {
    this.#connections.delete(connection);
  }
}

/** The process-wide instance. */
export const lingering = new Lingering();
