import type { Certificate } from './certificate.ts';
import type { ClientAuthority } from './client-authority.ts';

/** Lowest version of TLS that is spoken. */
export type TlsVersion = '1.2' | '1.3';

/** TLS of a listener as plain data, so that it can be sent to a worker process. Holds private keys: never log it. */
export interface ListenerTls {
  /** At least one. The first is for clients that ask for no name, or for one that no certificate has. */
  readonly certificates: readonly Certificate[];
  readonly minVersion: TlsVersion;
  /** Authorities of client certificates, of all environments. If there are any, each client is asked for a certificate. */
  readonly clientAuthorities?: readonly ClientAuthority[];
  /** Certificates for authorities that ask for proof of a name (TLS-ALPN-01, RFC 8737); undefined: none asks at present. */
  readonly challenges?: readonly Certificate[] | undefined;
  /** The intermediate certificates of clients are wanted, which resumed sessions do not have. */
  readonly clientChains?: boolean;
  /** At least one. Those with `hosts` get the clients that ask for such a name; all others get the one without, or else the first. */
  readonly environments: readonly TlsEnvironment[];
}

/** An environment among those that share a listener. */
export interface TlsEnvironment {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Key of session tickets (RFC 5077): 48 octets in base64. Only clients of this environment resume sessions by it, at each process that has it. */
  readonly ticketKey: string;
  /** Milliseconds for which browsers use nothing but https (RFC 6797). Default 0: they are not told. */
  readonly hsts?: number;
}
