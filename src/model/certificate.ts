import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

// Faults are told without a subject, so that the name of a file or of a setting can stand before them. They repeat nothing of a key.

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;
const keyBlock = /-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const toPem = 'convert the file, for example with "openssl pkey -in FILE -out PLAIN.pem"';

/** Milliseconds before the end of a certificate from which it is worth a warning. */
const warnMs = 14 * 86_400_000;

/** A name that Node.js has on several lines, in the form of RFC 4514. */
export function nameOnOneLine(lines: string): string {
  return lines.split('\n').reverse().join(',');
}

/** Splits a PEM text (RFC 7468) into its certificates. Other blocks of the text are passed over. */
export function splitPem(pem: string): string[] {
  return pem.match(certificateBlock) ?? [];
}

/** The certificates in a PEM text (RFC 7468), in its order, or the fault of the text. Other blocks of the text are passed over. */
export function readCertificates(pem: string): readonly X509Certificate[] | string {
  const blocks = splitPem(pem);
  if (blocks.length === 0)
    return 'holds no certificate in PEM form, which starts with the line -----BEGIN CERTIFICATE-----: convert the file, for example with "openssl x509 -inform der -in FILE -out FILE.pem"';
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return 'holds a damaged certificate in PEM form: copy the file again, or have it issued again';
  }
}

/** Fault of a PEM text that must hold certificates and nothing else, because it is shown to operators; undefined: none. */
export function certificatesFault(pem: string): string | undefined {
  const read = readCertificates(pem);
  if (typeof read === 'string') return read;
  return read.length === pem.split('-----BEGIN').length - 1
    ? undefined
    : 'must hold certificates in PEM form and nothing else: leave out the other blocks';
}

/** The private key in a PEM text, as OpenSSL wants it and ready for use, or the fault of the text. */
export function readKey(text: string): { readonly pem: string; readonly key: KeyObject } | string {
  const found = keyBlock.exec(text);
  if (found === null) return `holds no private key in PEM form: ${toPem}`;
  const [pem] = found;
  if (found[1] === 'ENCRYPTED ' || pem.includes('Proc-Type: 4,ENCRYPTED'))
    return 'is encrypted, and Sluice has no passphrase: decrypt it, for example with "openssl pkey -in FILE -out PLAIN.pem", and protect the file by its mode (0600)';
  try {
    return { pem: `${pem}\n`, key: createPrivateKey(pem) };
  } catch {
    // The reason of OpenSSL is left out, because it could repeat a part of the key.
    return `holds a damaged or unknown private key: ${toPem}`;
  }
}

/** Fault of a PEM text that must hold a private key; undefined: none. */
export function keyFault(pem: string): string | undefined {
  const read = readKey(pem);
  return typeof read === 'string' ? read : undefined;
}

/** Fault of a certificate or a key that cannot be used together with the other. */
export interface PairFault {
  readonly part: 'certificate' | 'key';
  readonly message: string;
}

/**
 * Why a certificate (a chain begins with it) and a private key cannot be used together; undefined: they can, or one of the texts has a fault.
 * @param file that holds the certificate
 */
export function pairFault(certificate: string, key: string, file?: string): PairFault | undefined {
  const [chain, secret] = [readCertificates(certificate), readKey(key)];
  if (typeof chain === 'string' || typeof secret === 'string') return undefined;
  const owner = chain.findIndex((one) => one.checkPrivateKey(secret.key));
  if (owner < 0)
    return {
      part: 'key',
      message: `does not fit the certificate${file === undefined ? '' : ` ${file}`}: give the key that it was issued for`,
    };
  if (owner > 0) {
    const message = `is out of order: the certificate that belongs to the key is number ${owner + 1}. Put it first, then the one that issued it, and so on`;
    return { part: 'certificate', message };
  }
  try {
    createSecureContext({ cert: certificate, key: secret.pem });
    return undefined;
  } catch (error) {
    // For example because the key is too short.
    const { reason = 'OpenSSL refuses it' } = error as { reason?: string };
    return { part: 'certificate', message: `cannot be used: ${reason}. Have it issued again` };
  }
}

/** Why the certificates of a file are no chain, in which each one was issued by the next; undefined: they are. */
export function chainFault(chain: readonly X509Certificate[]): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined || issued(issuer, certificate)) continue;
    const elsewhere = chain.some((other, place) => place > index + 1 && issued(other, certificate));
    const remedy = elsewhere
      ? 'is out of order: put each certificate before the one that issued it'
      : 'has a broken chain: add the missing certificates of the issuer, or remove those that do not belong to it';
    return `${remedy}. Number ${index + 1} (${nameOf(certificate.subject)}) was issued by ${nameOf(certificate.issuer)}, but number ${index + 2} is ${nameOf(issuer.subject)}`;
  }
  return undefined;
}

/** True if `issuer` has signed `certificate`. */
export function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Why one of several certificates is not valid at a date (milliseconds since 1970); undefined: all are. */
export function dateFault(certificates: readonly X509Certificate[], date: number): string | undefined {
  for (const [index, { subject, validFrom, validTo }] of certificates.entries()) {
    const which = certificates.length === 1 ? '' : `: number ${index + 1} (${nameOf(subject)})`;
    if (Date.parse(validTo) <= date) return `has expired${which}, on ${day(validTo)}: renew it`;
    if (Date.parse(validFrom) > date)
      return `is not valid yet${which}, only from ${day(validFrom)}: check the clock of this machine, or have it issued again`;
  }
  return undefined;
}

/** The certificates of a chain whose dates count: the other end has roots itself. */
export function datedPart(chain: readonly X509Certificate[]): readonly X509Certificate[] {
  return chain.filter(({ subject, issuer }, index) => index === 0 || subject !== issuer);
}

/** Why one of several certificates is worth a warning at a date, or soon after; undefined: none is. */
export function dateWarning(certificates: readonly X509Certificate[], date: number): string | undefined {
  const fault = dateFault(certificates, date);
  if (fault !== undefined) return fault;
  const soon = certificates.find(({ validTo }) => Date.parse(validTo) - date < warnMs);
  return soon && `expires soon (${nameOf(soon.subject)}, on ${day(soon.validTo)}): replace it before that day`;
}

/** The common name of a distinguished name; without one, all of it. */
export function nameOf(distinguished: string): string {
  return /^CN=(.+)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll('\n', ', ');
}

function day(date: string): string {
  return new Date(Date.parse(date)).toISOString().slice(0, 10);
}
