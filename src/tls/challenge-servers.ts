import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Certificate } from './certificate.ts';
import type { ClientHello } from './client-hello.ts';

/** Protocol of an authority that asks for proof of a name (RFC 8737 section 6.2). */
const protocol = 'acme-tls/1';

/** TLS servers that prove names to authorities: each completes handshakes, and carries nothing. */
export class ChallengeServers {
  readonly #servers: ReadonlyMap<string, Server>;

  /**
   * @param secured called after a handshake
   * @param failed called when a client breaks it off
   */
  constructor(
    certificates: readonly Certificate[],
    secured: (socket: TLSSocket) => void,
    failed: (error: Error, socket: TLSSocket) => void,
  ) {
    this.#servers = new Map(
      certificates.map(({ names: [name = ''], chain, key }) => [
        name,
        createServer({ cert: chain, key, minVersion: 'TLSv1.2', ALPNProtocols: [protocol] })
          .on('secureConnection', secured)
          .on('tlsClientError', failed),
      ]),
    );
  }

  /** The server for a client that comes with this ClientHello; undefined: it is for the environments. */
  find({ protocol: spoken, serverName }: ClientHello): Server | undefined {
    if (this.#servers.size === 0 || spoken !== protocol || serverName === undefined) return undefined;
    return this.#servers.get(serverName.toLowerCase());
  }
}
