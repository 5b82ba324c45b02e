import type net from 'node:net';
import type { Accepted } from '../../tls/accepted.ts';
import { DirectAccepted } from './direct-accepted.ts';
import { readFirstOctets } from './first-octets.ts';
import { handleOf, type TcpHandle, takeHandle, tlsInternals } from './tls-internals.ts';

/** An accepted connection whose handshake a TLSSocket makes, because this Node does not allow anything else. */
class AcceptedStream implements Accepted {
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    this.#socket = socket.on('error', () => {});
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readFirst(take: (octets: Buffer) => boolean, left: () => void): void {
    const socket = this.#socket.on('end', left);
    readFirstOctets(socket, (octets) => {
      const taken = take(octets);
      if (taken) socket.off('end', left);
      return taken;
    });
  }

  secure(): boolean {
    return false;
  }

  stream(unread: Buffer): net.Socket {
    this.#socket.unshift(unread);
    return this.#socket;
  }

  // A TLSSocket decides itself when it reads.
  pause(): void {}

  resume(): void {}

  answerPlainly(text: string): void {
    this.#socket.write(text);
  }

  whenClosed(closed: () => void): void {
    this.#socket.once('close', closed);
  }
}

/**
 * Prepares a socket for its handshake. The given object must not be used afterwards.
 * @param before octets that were read from it
 */
export function toSecure(socket: net.Socket, before: Buffer = Buffer.alloc(0)): Accepted {
  const handle = tlsInternals && handleOf(socket);
  if (handle !== undefined && tlsInternals !== undefined) return new DirectAccepted(takeHandle(socket, handle), tlsInternals, before);
  if (before.length > 0) socket.unshift(before);
  return new AcceptedStream(socket);
}

/** The internal handle of a listening server, and the function that it calls. */
interface ServerHandle {
  onconnection(this: ServerHandle, error: number, handle: TcpHandle | undefined): void;
}

/**
 * Lets a server that listens give its connections to `take`, without a socket for each. One for which `take` returns false becomes a socket, as
 * usual. Without effect if this Node does not allow it.
 */
export function takeConnections(server: net.Server, take: (connection: DirectAccepted) => boolean): void {
  const handle = (server as unknown as { _handle: Partial<ServerHandle> | null })._handle;
  const internals = tlsInternals;
  if (internals === undefined || typeof handle?.onconnection !== 'function') return;
  const usual = handle.onconnection;
  handle.onconnection = function onconnection(error, accepted) {
    if (error !== 0 || accepted === undefined || !take(new DirectAccepted(accepted, internals))) usual.call(this, error, accepted);
    else accepted.setNoDelay(true);
  };
}
