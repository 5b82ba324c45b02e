import type net from 'node:net';
import type { SecureContext } from 'node:tls';

/** Receives the outcome of a handshake that is made without a TLSSocket. One of the methods is called, once. */
export interface DirectHandshake {
  /** The handshake is complete. @param named server_name; false: the client named none */
  secured(named: string | false): void;
  /** OpenSSL refuses what the client sent, and has sent an alert. */
  failed(error: Error): void;
  /** The client has closed its connection. */
  left(): void;
}

/**
 * Makes the server's side of a handshake, and leaves the socket as one whose octets go through TLS. Returns false if that is not possible.
 * @param protocols for ALPN, each after an octet with its length
 * @param hello octets that were read from the socket
 */
export type SecureDirectly = (
  socket: net.Socket,
  context: SecureContext,
  protocols: Buffer,
  hello: Buffer,
  handshake: DirectHandshake,
) => boolean;
