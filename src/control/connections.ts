import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { networkOf } from '../model/ip-address.ts';
import { acceptedSocket } from './paced-handshakes.ts';

/** Connections without an accepted request that are open at a time, in all and from one address; further ones are closed at once. */
export const maxStrangers = { all: 4096, perAddress: 1024 } as const;

/**
 * Tracks the connections of a server, so that it can be closed quickly: Node's own `close` waits for connections that have not sent a
 * request, and for keep-alive connections after their last answer. Connections count as strangers until a request on them had a right token;
 * there may be only so many of them, so that clients without a token cannot fill the memory. With TLS, handshakes under way count as well.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #open = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  readonly #strangers = new Map<Socket, string>();
  readonly #strangersOf = new Map<string, number>();
  readonly #onRefused: (address: string) => void;
  #closing = false;

  /** @param onRefused called with the address of a connection that is one too many */
  constructor(server: Server, clock: Clock, onRefused: (address: string) => void = () => {}) {
    this.#clock = clock;
    this.#onRefused = onRefused;
    // First, since a connection that is one too many must not begin its handshake.
    server.prependListener('connection', (socket: Socket) => {
      // A request that is not upgraded hands its socket in again.
      if (this.#open.has(socket)) return;
      this.#open.add(socket);
      // Clients of listeners give way to it.
      processDescriptors.hold(socket);
      socket.once('close', () => {
        this.#open.delete(socket);
        this.#leave(socket);
      });
      this.#receiveStranger(socket);
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const accepted = acceptedSocket(socket);
      this.#busy.add(accepted);
      response.once('close', () => {
        this.#busy.delete(accepted);
        if (this.#closing) socket.destroySoon();
      });
    });
  }

  /** Notes that a request on this connection had a right token: it is no stranger any more. */
  admit(connection: Socket): void {
    this.#leave(acceptedSocket(connection));
  }

  #leave(socket: Socket): void {
    const address = this.#strangers.get(socket);
    if (address === undefined) return;
    this.#strangers.delete(socket);
    const left = (this.#strangersOf.get(address) ?? 1) - 1;
    if (left > 0) this.#strangersOf.set(address, left);
    else this.#strangersOf.delete(address);
  }

  #receiveStranger(socket: Socket): void {
    const address = networkOf(socket.remoteAddress ?? '');
    const count = this.#strangersOf.get(address) ?? 0;
    if (this.#strangers.size >= maxStrangers.all || count >= maxStrangers.perAddress) {
      this.#onRefused(address);
      socket.destroy();
      return;
    }
    this.#strangers.set(socket, address);
    this.#strangersOf.set(address, count + 1);
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
