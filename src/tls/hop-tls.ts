import type { X509Certificate } from 'node:crypto';

/** Name that balancers ask for in the handshake (server_name): a gateway that has a certificate for clients as well tells balancers from them by it. */
export const hopName = 'hop.sluice.internal';

/** A gateway's TLS for balancers, which show certificates of the registry's own authority. Holds a private key: never log it. */
export interface HopTls {
  /** The gateway's certificate for balancers, in PEM. */
  readonly certificate: string;
  /** Its private key, in PEM. */
  readonly key: string;
  /** Certificates of the registry's authority, in PEM. */
  readonly authorities: readonly string[];
  /** Key of session tickets: 48 octets in base64. */
  readonly ticketKey: string;
  /** Why the peer's certificate is not one of a balancer; undefined: it is. */
  refusalOf(peer: X509Certificate | undefined): string | undefined;
}
