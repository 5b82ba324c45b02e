import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';
import { processDescriptors } from '../model/descriptors.ts';

/**
 * Tracks the connections of a server, so that it can be closed quickly: Node's own `close` waits for connections that have not sent a
 * request, and for keep-alive connections after their last answer.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #open = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  #closing = false;

  constructor(server: Server, clock: Clock) {
    this.#clock = clock;
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      // Clients of listeners give way to it.
      processDescriptors.hold(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#busy.add(socket);
      response.once('close', () => {
        this.#busy.delete(socket);
        if (this.#closing) socket.destroySoon();
      });
    });
  }

  /** Closes idle connections at once, others after their answer in flight, and all that are left after `graceMs`. */
  close(graceMs: number): void {
    this.#closing = true;
    for (const socket of this.#open) if (!this.#busy.has(socket)) socket.destroy();
    this.#clock.after(graceMs, () => {
      for (const socket of this.#open) socket.destroy();
    });
  }
}
