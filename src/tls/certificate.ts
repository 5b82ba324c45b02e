import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { chainFault, datedPart, dateFault, pairFault, readCertificates, readKey } from '../model/certificate.ts';
import { demand, faultIn, readText } from './certificate-fault.ts';

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

/**
 * Reads a certificate and its key, and checks that they can be used together. Throws a `CertificateFault` if not.
 * @param folder that relative paths start from
 * @param now date, in milliseconds since 1970; undefined: dates are not looked at
 */
export function readCertificate(files: CertificateFiles, folder: string, now?: number): Certificate {
  const [certificateText, keyText] = [readText(folder, files, 'certificate'), readText(folder, files, 'key')];
  const chain = demand(certificateText, readCertificates(certificateText.content));
  const { pem: key } = demand(keyText, readKey(keyText.content));
  const text = chain.map((one) => one.toString()).join('');
  const pair = pairFault(text, key, certificateText.file);
  if (pair !== undefined) throw faultIn(pair.part === 'key' ? keyText : certificateText, pair.message);
  const broken = chainFault(chain);
  if (broken !== undefined) throw faultIn(certificateText, broken);
  const certificate = describeCertificate(chain as [X509Certificate, ...X509Certificate[]], text, key);
  const outdated = now === undefined ? undefined : dateFault(datedPart(chain), now);
  if (outdated !== undefined) throw faultIn(certificateText, outdated, certificate);
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
