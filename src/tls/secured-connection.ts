import { isIP } from 'node:net';
import { plainAddress } from './certificate.ts';
import { coversHost } from './certificate-names.ts';
import type { ClientIdentity } from './client-identity.ts';

/** First octet of a connection with TLS: the content type of a handshake record (RFC 8446 section 5.1). HTTP/1 never begins with it. */
export const tlsRecord = 22;

/** A client's connection, of which the socket and its parts matter only to those who carry octets. */
export interface SecureSocket {
  readonly remoteAddress?: string | undefined;
  destroy(): unknown;
}

/** Receives a connection once its handshake is complete. */
export type Secured = (connection: SecureSocket, about: SecuredConnection) => void;

/** The TLS side of a client's connection: the name that the client asked for, and the names of the certificate that it was given. */
export class SecuredConnection {
  /** Name of server_name; undefined: the client named none, because it connected by address. */
  readonly serverName: string | undefined;
  /** Undefined: the client has shown no certificate. */
  readonly client: ClientIdentity | undefined;
  /** Fields for responses to requests that reach no environment: those of the environment that the handshake was made for. */
  readonly ownFields: Readonly<Record<string, string>> | undefined;
  /** A balancer has shown its certificate: its fields about clients are believed, and it asks for any host. */
  readonly ofBalancer: boolean;
  readonly #names: readonly string[];
  /** Host of the last request, which the next one mostly has too. */
  #lastAuthority: string | undefined;
  #lastAnswer = false;

  constructor(
    serverName: string | undefined,
    names: readonly string[],
    { client, ownFields, ofBalancer = false }: Partial<Pick<SecuredConnection, 'client' | 'ownFields' | 'ofBalancer'>>,
  ) {
    this.serverName = serverName;
    this.client = client;
    this.ownFields = ownFields;
    this.#names = names;
    this.ofBalancer = ofBalancer;
  }

  static ofBalancer(): SecuredConnection {
    return new SecuredConnection(undefined, [], { ofBalancer: true });
  }

  /**
   * True if a request for `authority` may be answered on this connection (RFC 9110 section 15.5.20): the certificate covers the host, or
   * the client used no name at all.
   */
  answersFor(authority: string): boolean {
    if (this.ofBalancer) return true;
    if (authority !== this.#lastAuthority) {
      this.#lastAuthority = authority;
      this.#lastAnswer = this.#covers(authority);
    }
    return this.#lastAnswer;
  }

  #covers(authority: string): boolean {
    const host = hostOf(authority);
    if (host === '' || coversHost(this.#names, host)) return true;
    return this.serverName === undefined && isIP(plainAddress(host)) !== 0;
  }
}

/** Drops the port of `HOST:PORT`. */
function hostOf(authority: string): string {
  const colon = authority.indexOf(':', authority.lastIndexOf(']') + 1);
  return colon < 0 ? authority : authority.slice(0, colon);
}
