import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { der } from './der.ts';

/** Names that a certificate is for. */
export interface CertificateNames {
  readonly uris?: readonly string[];
  /** Host names and IP addresses. */
  readonly hosts?: readonly string[];
}

/** Content of a certificate, except for its serial number. */
export interface CertificateContent {
  /** Common name of the holder, for people. */
  readonly name: string;
  /** P-256 key of the holder, or its SubjectPublicKeyInfo (RFC 5480) in DER. */
  readonly publicKey: KeyObject | Buffer;
  /** `authority`: it signs other certificates, but no other authorities. `server` and `client`: the side of a TLS connection it is for. */
  readonly purpose: 'authority' | 'server' | 'client';
  readonly names?: CertificateNames;
  /** Digest that answers ACME's challenge TLS-ALPN-01 (RFC 8737 section 3). */
  readonly acmeDigest?: Buffer;
  /** First and last date, in milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** Signer of a certificate; its own holder for a certificate that is self-signed. */
export interface CertificateSigner {
  readonly name: string;
  /** P-256 key. */
  readonly privateKey: KeyObject;
  /** The public key to it, as SubjectPublicKeyInfo in DER; absent: it is computed each time. */
  readonly publicKey?: Buffer;
}

/** The date of certificates that do not end (RFC 5280 section 4.1.2.5). */
export const noEnd = Date.UTC(9999, 11, 31, 23, 59, 59);

const ids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKey: '2.5.29.14',
  usage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedUsage: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
  extensionRequest: '1.2.840.113549.1.9.14',
};

/** Writes a certificate (X.509 version 3, RFC 5280), signed by ECDSA with SHA-256, as PEM. */
export function writeCertificate(content: CertificateContent, signer: CertificateSigner): string {
  const { name, from, until } = content;
  const publicKey = infoOf(content.publicKey);
  const signerKey = signer.publicKey ?? infoOf(createPublicKey(signer.privateKey));
  const algorithm = der.sequence(der.object(ids.ecdsaWithSha256));
  const version3 = der.inContext(0, der.integer(Buffer.of(2)), true);
  // 120 random bits: unique without a counter that several issuers would have to share. The first octet keeps the length the same.
  const serial = der.integer(Buffer.concat([Buffer.of(0x40), randomBytes(15)]));
  const unsigned = der.sequence(
    version3,
    serial,
    algorithm,
    distinguishedName(signer.name),
    der.sequence(der.time(from), der.time(until)),
    distinguishedName(name),
    publicKey,
    der.inContext(3, der.sequence(...extensions(content, publicKey, signerKey)), true),
  );
  const signature = sign('sha256', unsigned, { key: signer.privateKey, dsaEncoding: 'der' });
  const lines =
    der
      .sequence(unsigned, algorithm, der.bits(signature))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Writes a request for a certificate (PKCS #10, RFC 2986) for these names, signed with the P-256 key that it is for, as DER. */
export function writeCertificateRequest(names: CertificateNames, key: KeyObject): Buffer {
  const wanted = der.sequence(extension(ids.alternativeNames, alternativeNames(names)));
  const unsigned = der.sequence(
    der.integer(Buffer.of(0)),
    // The subject is empty: authorities read the alternative names.
    der.sequence(),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der.inContext(0, der.sequence(der.object(ids.extensionRequest), der.set(wanted)), true),
  );
  const signature = sign('sha256', unsigned, { key, dsaEncoding: 'der' });
  return der.sequence(unsigned, der.sequence(der.object(ids.ecdsaWithSha256)), der.bits(signature));
}

function distinguishedName(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.object(ids.commonName), der.text(commonName))));
}

function alternativeNames({ uris = [], hosts = [] }: CertificateNames): Buffer {
  const named = hosts.map((host) => (isIP(host) === 0 ? der.inContext(2, Buffer.from(host)) : der.inContext(7, addressOctets(host))));
  return der.sequence(...uris.map((uri) => der.inContext(6, Buffer.from(uri))), ...named);
}

function extensions({ purpose, names = {}, acmeDigest }: CertificateContent, publicKey: Buffer, signerKey: Buffer): Buffer[] {
  const isAuthority = purpose === 'authority';
  const isNamed = (names.uris ?? []).length + (names.hosts ?? []).length > 0;
  return [
    // An authority with path length 0 signs certificates of holders only.
    extension(ids.basicConstraints, isAuthority ? der.sequence(der.yes, der.integer(Buffer.of(0))) : der.sequence(), true),
    // keyCertSign is bit 5, digitalSignature bit 0.
    extension(ids.usage, isAuthority ? der.bits(Buffer.of(0x04), 2) : der.bits(Buffer.of(0x80), 7), true),
    ...(isAuthority ? [] : [extension(ids.extendedUsage, der.sequence(der.object(ids[purpose])))]),
    ...(isNamed ? [extension(ids.alternativeNames, alternativeNames(names))] : []),
    ...(acmeDigest === undefined ? [] : [extension(ids.acmeIdentifier, der.octets(acmeDigest), true)]),
    extension(ids.subjectKey, der.octets(keyIdentifier(publicKey))),
    extension(ids.authorityKey, der.sequence(der.inContext(0, keyIdentifier(signerKey)))),
  ];
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return der.sequence(der.object(id), ...(critical ? [der.yes] : []), der.octets(value));
}

/** Names a key, so that chains are found without trying every authority (RFC 7093 section 2). */
function keyIdentifier(info: Buffer): Buffer {
  return createHash('sha256').update(info).digest().subarray(0, 20);
}

function infoOf(key: KeyObject | Buffer): Buffer {
  return Buffer.isBuffer(key) ? key : key.export({ type: 'spki', format: 'der' });
}

/** Octets of an IPv4 or IPv6 address. */
function addressOctets(address: string): Buffer {
  const plain = address.replace(/%.*$/, '');
  if (isIP(plain) === 4) return Buffer.from(plain.split('.').map(Number));
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(plain)?.[0];
  const inHex =
    dotted &&
    addressOctets(dotted)
      .toString('hex')
      .replace(/(.{4})(.{4})/, '$1:$2');
  const [start = '', end] = (dotted ? plain.replace(dotted, inHex as string) : plain).split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const [first, last] = [groups(start), groups(end ?? '')];
  const zeros = new Array<string>(8 - first.length - last.length).fill('0');
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
