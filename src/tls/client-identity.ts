import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import { issued, nameOnOneLine, readCertificates } from '../model/certificate.ts';
import type { ClientAuthority } from './client-authority.ts';
import { isRevoked, type RevocationList } from './revocation-list.ts';
import { keyOf } from './tls-files.ts';

/** Most certificates of a client that are looked at. */
const mostCertificates = 10;
/** OpenSSL's error if it found another authority of the same name than the one that issued the certificate. */
const wrongAuthority = 'CERT_SIGNATURE_FAILURE';

/** The authorities of a listener as they are now: revocation lists that were replaced hold for connections that are open. */
export interface PresentAuthorities {
  present: readonly ClientAuthority[];
}

/** The certificate that a client has shown on its connection. */
export class ClientIdentity {
  readonly #leaf: X509Certificate;
  /** Other certificates that came with it; undefined: they were not kept. */
  readonly #others: readonly X509Certificate[] | undefined;
  /** The listener's authorities at the handshake. */
  readonly #authorities: readonly ClientAuthority[];
  readonly #listener: PresentAuthorities;
  /** The listener's authorities when the decisions were made. */
  #decidedBy: readonly ClientAuthority[];
  /** Why OpenSSL does not accept the certificate for any authority of the listener; undefined: it does. */
  readonly #error: string | undefined;
  readonly #resumed: boolean;
  /** Decisions so far, by the key of the authorities' files. */
  readonly #accepted = new Map<string, boolean>();
  #field: string | undefined;
  #chainField: string | undefined;
  #subject: string | undefined;

  /** @param authorities of the listener, at least one */
  private constructor(shown: PeerCertificate, socket: TLSSocket, listener: PresentAuthorities, authorities: readonly ClientAuthority[]) {
    this.#leaf = new X509Certificate(shown.raw);
    this.#listener = listener;
    this.#decidedBy = listener.present;
    this.#authorities = authorities;
    this.#others = 'issuerCertificate' in shown ? above(shown as DetailedPeerCertificate) : undefined;
    this.#error = socket.authorized ? undefined : String(socket.authorizationError);
    this.#resumed = socket.isSessionReused();
  }

  /**
   * The identity of a client whose handshake is complete; undefined: it has shown no certificate.
   * @param authorities that the handshake was made with
   * @param withChain its intermediate certificates are wanted
   */
  static of(
    socket: TLSSocket,
    listener: PresentAuthorities,
    authorities: readonly ClientAuthority[],
    withChain: boolean,
  ): ClientIdentity | undefined {
    if (authorities.length === 0) return undefined;
    const needsChain = withChain || severalAuthorities(authorities) || authorities.some(({ lists }) => lists.length > 0);
    // Node's getPeerX509Certificate would take the chain out of the connection.
    const shown = socket.getPeerCertificate(needsChain);
    return shown?.raw === undefined ? undefined : new ClientIdentity(shown, socket, listener, authorities);
  }

  /**
   * True if the certificate was valid at the handshake, the authorities in these files issued it, and their present revocation lists do not name it.
   * @param files key of the files, as `keyOf` makes it
   */
  isIssuedBy(files: string): boolean {
    if (this.#decidedBy !== this.#listener.present) {
      this.#decidedBy = this.#listener.present;
      this.#accepted.clear();
    }
    let accepted = this.#accepted.get(files);
    if (accepted === undefined) {
      accepted = this.#decide(files);
      this.#accepted.set(files, accepted);
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
    this.#chainField ??= (this.#others ?? [])
      .filter(({ raw, subject, issuer }) => subject !== issuer && !this.#isAuthority(raw))
      .map(({ raw }) => `:${raw.toString('base64')}:`)
      .join(', ');
    return this.#chainField;
  }

  /** Subject of the certificate in the form of RFC 4514. Made once for the connection. */
  get subject(): string {
    this.#subject ??= nameOnOneLine(this.#leaf.subject ?? '');
    return this.#subject;
  }

  #isAuthority(raw: Buffer): boolean {
    return this.#authorities.some((authority) => certificatesIn(authority).some((one) => one.raw.equals(raw)));
  }

  #decide(key: string): boolean {
    const [ca] = key.split('\0', 1);
    const authority = this.#authorities.find(({ files }) => files.ca === ca);
    // A session that is resumed later than it began may hold a certificate that has expired since.
    if (authority === undefined || !isValidAt(this.#leaf, Date.now())) return false;
    const { lists } = this.#listener.present.find(({ files }) => keyOf(files) === key) ?? authority;
    const issuers = certificatesIn(authority);
    if (severalAuthorities(this.#authorities)) {
      // OpenSSL has checked against the authorities of all environments, so that the one at the end of the chain has to be found.
      if (this.#resumed || (this.#error !== undefined && this.#error !== wrongAuthority)) return false;
    } else {
      if (this.#error !== undefined) return false;
      if (lists.length === 0) return true;
      // The connection is older than the first list: its intermediate certificates are not known.
      if (this.#others === undefined || this.#resumed)
        return !issuers.some((issuer) => issued(issuer, this.#leaf) && isRevoked(this.#leaf, issuer, lists));
    }
    return leadsTo(this.#leaf, this.#others ?? [], issuers, lists);
  }
}

/** True if a connection's authority is not known from the listener alone. */
export function severalAuthorities(authorities: readonly ClientAuthority[]): boolean {
  return authorities.some(({ chain }) => chain !== authorities[0]?.chain);
}

/** True if a chain of valid signatures, of certificates that may issue others and are not revoked, leads from `leaf` to an authority. */
function leadsTo(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  lists: readonly RevocationList[],
): boolean {
  const now = Date.now();
  const mayIssue = (issuer: X509Certificate, below: X509Certificate) => issued(issuer, below) && !isRevoked(below, issuer, lists);
  // One of the authorities may have revoked another one.
  const trusted = authorities.filter(
    (one) => isValidAt(one, now) && !authorities.some((other) => other !== one && issued(other, one) && isRevoked(one, other, lists)),
  );
  const left = new Set(others);
  let at = leaf;
  while (isValidAt(at, now)) {
    const below = at;
    if (trusted.some((authority) => mayIssue(authority, below))) return true;
    const issuer = [...left].find((other) => other.ca && mayIssue(other, below));
    if (issuer === undefined) return false;
    left.delete(issuer);
    at = issuer;
  }
  return false;
}

function isValidAt({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now < Date.parse(validTo);
}

const readBefore = new WeakMap<ClientAuthority, readonly X509Certificate[]>();

function certificatesIn(authority: ClientAuthority): readonly X509Certificate[] {
  const known = readBefore.get(authority);
  if (known !== undefined) return known;
  const read = readCertificates(authority.chain) as readonly X509Certificate[];
  readBefore.set(authority, read);
  return read;
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
