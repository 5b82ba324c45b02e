import type net from 'node:net';
import type { SecureContext } from 'node:tls';
import type { SecureSocket } from './secured-connection.ts';

/** Receives the outcome of a handshake that is made without a TLSSocket. One of the methods is called, once. */
export interface DirectHandshake {
  /** The handshake is complete. @param named server_name; false: the client named none */
  secured(connection: SecureSocket, named: string | false): void;
  /** OpenSSL refuses what the client sent, and has sent an alert. */
  failed(error: Error): void;
  /** The client has closed its connection. */
  left(): void;
}

/** A connection that was accepted, up to the end of its handshake. */
export interface Accepted {
  /** IP address of the client; undefined: it is gone already. */
  readonly remoteAddress?: string | undefined;
  destroy(): unknown;
  /**
   * Reads octets until `take` returns true.
   * @param take gets octets that are overwritten after the call
   * @param left called if the client closes its connection before
   */
  readFirst(take: (octets: Buffer) => boolean, left: () => void): void;
  /**
   * Makes the server's side of a handshake. Returns false, and does nothing, if that is not possible: then a TLSSocket must be made of `stream`.
   * @param protocols for ALPN, each after an octet with its length
   * @param hello octets that were read
   */
  secure(context: SecureContext, protocols: Buffer, hello: Buffer, handshake: DirectHandshake): boolean;
  /** Gives the connection away as an ordinary stream that begins with these octets, which were read before. */
  stream(unread: Buffer): net.Socket;
  /** Leaves what comes within the handshake unread, or reads it again. */
  pause(): void;
  resume(): void;
  /** Writes text without TLS, after a handshake has failed. */
  answerPlainly(text: string): void;
  /** Calls `closed` when the connection is closed, unless a stream was made of it, or its handshake is complete. */
  whenClosed(closed: () => void): void;
}
