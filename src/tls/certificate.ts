import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';

/** Two files: a certificate, followed by those that lead to its issuer, and its private key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A checked certificate as plain data, so that it can be sent to a worker process. Holds the private key: never log it. */
export interface Certificate {
  /** The certificate and its chain, in PEM. */
  readonly chain: string;
  /** The private key, in PEM. */
  readonly key: string;
  /** DNS names in lower case, `*.` for any one label, and IP addresses. */
  readonly names: readonly string[];
  /** Dates, in milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
}

/** Setting that names a file. */
export type CertificatePart = keyof CertificateFiles | 'ca';

/** A certificate or key that cannot be used. The message names the file and the remedy. */
export class CertificateFault extends Error {
  /** The file at fault. */
  readonly part: CertificatePart;
  /** The certificate, if only its dates are at fault. */
  readonly outdated: Certificate | undefined;

  constructor(part: CertificatePart, message: string, outdated?: Certificate) {
    super(message);
    this.part = part;
    this.outdated = outdated;
  }
}

export const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const keyBlock = /-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----/;

/**
 * Reads a certificate and its key, and checks that they can be used together now. Throws a {@link CertificateFault} if not.
 * @param folder that relative paths start from
 * @param now date, in milliseconds since 1970
 */
export function readCertificate(files: CertificateFiles, folder: string, now: number): Certificate {
  const at = { certificate: resolve(folder, files.certificate), key: resolve(folder, files.key) };
  const blocks = readText(at.certificate, 'certificate').match(certificateBlock) ?? [];
  if (blocks.length === 0) throw new CertificateFault('certificate', `${at.certificate} holds no certificate in PEM form: ${pemRemedy}`);
  const chain = blocks.map((block) => parseCertificate(block, at.certificate));
  const { pem, key } = readKey(at.key);
  checkOwner(chain, key, at);
  checkChain(chain, at.certificate);
  const text = `${blocks.join('\n')}\n`;
  try {
    createSecureContext({ cert: text, key: pem });
  } catch (error) {
    throw new CertificateFault('certificate', `${at.certificate} cannot be used: ${reasonOf(error)}. Have it issued again`);
  }
  const certificate = describeCertificate(chain as [X509Certificate, ...X509Certificate[]], text, pem);
  checkDates(chain, at.certificate, now, certificate);
  return certificate;
}

/** Describes a certificate and its key, which belong together. @param text the chain in PEM */
export function describeCertificate([leaf]: readonly [X509Certificate, ...X509Certificate[]], text: string, key: string): Certificate {
  return {
    chain: text,
    key,
    names: namesOf(leaf),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

export const pemRemedy = 'convert it, for example with "openssl x509 -inform der -in FILE -out FILE.pem"';
const remedies = {
  key: 'convert it, for example with "openssl pkey -in FILE -out FILE.pem"',
};

export function readText(file: string, part: CertificatePart): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file: paths start from the folder of the configuration file'
        : code === 'EACCES'
          ? 'the user that runs Sluice may not read it (EACCES): change its owner or mode'
          : `${code}`;
    throw new CertificateFault(part, `cannot read ${file}: ${reason}`);
  }
}

export function parseCertificate(block: string, file: string, part: CertificatePart = 'certificate'): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw new CertificateFault(part, `${file} holds a damaged certificate: copy the file again, or have it issued again`);
  }
}

function readKey(file: string): { pem: string; key: KeyObject } {
  const found = keyBlock.exec(readText(file, 'key'));
  if (found === null) throw new CertificateFault('key', `${file} holds no private key in PEM form: ${remedies.key}`);
  const [pem] = found;
  if (found[1] === 'ENCRYPTED ' || pem.includes('Proc-Type: 4,ENCRYPTED'))
    throw new CertificateFault(
      'key',
      `${file} is encrypted, and nobody can type its passphrase at a start: decrypt it with "openssl pkey -in FILE -out FILE.pem" and protect the file by its mode (0600)`,
    );
  try {
    return { pem: `${pem}\n`, key: createPrivateKey(pem) };
  } catch {
    // The reason of OpenSSL is left out: nothing of a key may reach a log.
    throw new CertificateFault('key', `${file} holds a damaged or unknown private key: ${remedies.key}`);
  }
}

function checkOwner(chain: readonly X509Certificate[], key: KeyObject, at: CertificateFiles): void {
  if (chain[0]?.checkPrivateKey(key)) return;
  const owner = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (owner > 0)
    throw new CertificateFault(
      'certificate',
      `${at.certificate} is out of order: the certificate that belongs to the key is number ${owner + 1}. Put it first, then the one that issued it, and so on`,
    );
  throw new CertificateFault('key', `${at.key} does not fit the certificate ${at.certificate}: give the key that it was issued for`);
}

function checkChain(chain: readonly X509Certificate[], file: string): void {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined || issued(issuer, certificate)) continue;
    const elsewhere = chain.some((other, place) => place > index + 1 && issued(other, certificate));
    const remedy = elsewhere
      ? 'is out of order: put each certificate before the one that issued it'
      : 'has a broken chain: add the missing certificates of the issuer, or remove those that do not belong to it';
    throw new CertificateFault(
      'certificate',
      `${file} ${remedy}. Number ${index + 1} (${nameOf(certificate.subject)}) was issued by ${nameOf(certificate.issuer)}, but number ${index + 2} is ${nameOf(issuer.subject)}`,
    );
  }
}

export function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Checks the dates of all certificates that clients look at: they have the root themselves. */
function checkDates(chain: readonly X509Certificate[], file: string, now: number, read: Certificate): void {
  for (const [index, certificate] of chain.entries()) {
    if (index > 0 && certificate.subject === certificate.issuer) continue;
    const which = index === 0 ? '' : `: number ${index + 1} (${nameOf(certificate.subject)})`;
    checkDate(certificate, file, 'certificate', which, now, read);
  }
}

/**
 * @param which of the file's certificates, for the message
 * @param read the certificate that could be used but for its dates
 */
export function checkDate(
  certificate: X509Certificate,
  file: string,
  part: CertificatePart,
  which: string,
  now: number,
  read?: Certificate,
): void {
  if (Date.parse(certificate.validTo) <= now)
    throw new CertificateFault(part, `${file} has expired${which}, on ${dateOf(certificate.validTo)}: renew it`, read);
  if (Date.parse(certificate.validFrom) > now)
    throw new CertificateFault(
      part,
      `${file} is not valid yet${which}, only from ${dateOf(certificate.validFrom)}: check the clock of this machine, or have it issued again`,
      read,
    );
}

/** Names of the subject alternative name; if there is none, the common name (RFC 6125 section 6.4.4). */
function namesOf(certificate: X509Certificate): string[] {
  const { subjectAltName } = certificate;
  if (subjectAltName === undefined) {
    const common = /^CN=(\S+)$/m.exec(certificate.subject)?.[1];
    return common === undefined ? [] : [common.toLowerCase()];
  }
  return subjectAltName.split(', ').flatMap((entry) => {
    if (entry.startsWith('DNS:')) return [entry.slice('DNS:'.length).toLowerCase()];
    return entry.startsWith('IP Address:') ? [plainAddress(entry.slice('IP Address:'.length))] : [];
  });
}

/** An IP address in its shortest form, without brackets. */
export function plainAddress(text: string): string {
  const address = text.replace(/^\[|\]$/g, '');
  return isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

export function nameOf(distinguished: string): string {
  return /^CN=(.+)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll('\n', ', ');
}

function dateOf(text: string): string {
  return new Date(Date.parse(text)).toISOString().slice(0, 10);
}

function reasonOf(error: unknown): string {
  const { reason, message } = error as Error & { reason?: string };
  return reason ?? message;
}
