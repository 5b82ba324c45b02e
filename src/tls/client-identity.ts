import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import { issued, readCertificates } from '../model/certificate.ts';
import type { ClientAuthority } from './client-authority.ts';

/** Most certificates of a client that are looked at. */
const mostCertificates = 10;
/** OpenSSL's error if it found another authority of the same name than the one that issued the certificate. */
const wrongAuthority = 'CERT_SIGNATURE_FAILURE';

/** The certificate that a client has shown on its connection. */
export class ClientIdentity {
  readonly #leaf: X509Certificate;
  /** Other certificates that came with it. */
  readonly #others: readonly X509Certificate[];
  readonly #authorities: readonly ClientAuthority[];
  /** Why OpenSSL does not accept the certificate for any authority of the listener; undefined: it does. */
  readonly #error: string | undefined;
  readonly #resumed: boolean;
  /** Decisions so far, by file. */
  readonly #accepted = new Map<string, boolean>();
  #field: string | undefined;
  #chainField: string | undefined;
  #subject: string | undefined;

  /** @param authorities of the listener, at least one */
  private constructor(shown: PeerCertificate, socket: TLSSocket, authorities: readonly ClientAuthority[]) {
    this.#leaf = new X509Certificate(shown.raw);
    this.#authorities = authorities;
    this.#others = 'issuerCertificate' in shown ? above(shown as DetailedPeerCertificate) : [];
    this.#error = socket.authorized ? undefined : String(socket.authorizationError);
    this.#resumed = socket.isSessionReused();
  }

  /** The identity of a client whose handshake is complete; undefined: it has shown no certificate. @param withChain its intermediate certificates are wanted */
  static of(socket: TLSSocket, authorities: readonly ClientAuthority[], withChain: boolean): ClientIdentity | undefined {
    if (authorities.length === 0) return undefined;
    // Node's getPeerX509Certificate would take the chain out of the connection.
    const shown = socket.getPeerCertificate(withChain || severalAuthorities(authorities));
    return shown?.raw === undefined ? undefined : new ClientIdentity(shown, socket, authorities);
  }

  /** True if the certificate was valid at the handshake, and the authorities in this file issued it. @param ca name of the file, as configured */
  isIssuedBy(ca: string): boolean {
    let accepted = this.#accepted.get(ca);
    if (accepted === undefined) {
      accepted = this.#decide(ca);
      this.#accepted.set(ca, accepted);
    }
    return accepted;
  }

  /** Value of Client-Cert (RFC 9440 section 2.2): the certificate as a byte sequence. Made once for the connection. */
  get field(): string {
    this.#field ??= `:${this.#leaf.raw.toString('base64')}:`;
    return this.#field;
  }

  /**
   * Value of Client-Cert-Chain (RFC 9440 section 2.3): the intermediate certificates that the client has shown, without authorities of the
   * listener. Empty: there are none. Made once for the connection.
   */
  get chainField(): string {
    this.#chainField ??= this.#others
      .filter(({ raw, subject, issuer }) => subject !== issuer && !this.#isAuthority(raw))
      .map(({ raw }) => `:${raw.toString('base64')}:`)
      .join(', ');
    return this.#chainField;
  }

  /** Subject of the certificate in the form of RFC 4514. Made once for the connection. */
  get subject(): string {
    this.#subject ??= this.#leaf.subject?.split('\n').reverse().join(',') ?? '';
    return this.#subject;
  }

  #isAuthority(raw: Buffer): boolean {
    return this.#authorities.some((authority) => certificatesIn(authority).some((one) => one.raw.equals(raw)));
  }

  #decide(ca: string): boolean {
    const authority = this.#authorities.find(({ files }) => files.ca === ca);
    // A session that is resumed later than it began may hold a certificate that has expired since.
    if (authority === undefined || !isValidAt(this.#leaf, Date.now())) return false;
    if (!severalAuthorities(this.#authorities)) return this.#error === undefined;
    // OpenSSL has checked against the authorities of all environments, so that the one at the end of the chain has to be found.
    if (this.#resumed || (this.#error !== undefined && this.#error !== wrongAuthority)) return false;
    return leadsTo(this.#leaf, this.#others, certificatesIn(authority), Date.now());
  }
}

/** True if a connection's authority is not known from the listener alone. */
export function severalAuthorities(authorities: readonly ClientAuthority[]): boolean {
  return authorities.some(({ chain }) => chain !== authorities[0]?.chain);
}

/** True if a chain of valid signatures, of certificates that may issue others, leads from `leaf` to an authority. */
function leadsTo(leaf: X509Certificate, others: readonly X509Certificate[], authorities: readonly X509Certificate[], now: number): boolean {
  const left = new Set(others);
  let at = leaf;
  while (isValidAt(at, now)) {
    const below = at;
    if (authorities.some((authority) => isValidAt(authority, now) && issued(authority, below))) return true;
    const issuer = [...left].find((other) => other.ca && issued(other, below));
    if (issuer === undefined) return false;
    left.delete(issuer);
    at = issuer;
  }
  return false;
}

function isValidAt({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now < Date.parse(validTo);
}

function certificatesIn({ chain }: ClientAuthority): readonly X509Certificate[] {
  return readCertificates(chain) as readonly X509Certificate[];
}

/** The certificates above the client's own, as they came. */
function above(leaf: DetailedPeerCertificate): X509Certificate[] {
  const found: X509Certificate[] = [];
  let at: DetailedPeerCertificate | undefined = leaf.issuerCertificate;
  while (at?.raw !== undefined && found.length < mostCertificates) {
    found.push(new X509Certificate(at.raw));
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return found;
}
