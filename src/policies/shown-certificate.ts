import { X509Certificate } from 'node:crypto';
import { nameOnOneLine } from '../model/certificate.ts';

/** Most certificates that are kept as read. */
const mostKept = 256;

/** A client's certificate, as policies read it. */
export class ShownCertificate {
  readonly #certificate: X509Certificate;
  #attributes: ReadonlySet<string> | undefined;
  #texts = new Map<CertificateText, string>();

  constructor(certificate: X509Certificate) {
    this.#certificate = certificate;
  }

  /** Attributes of the subject, such as `CN=orders`. */
  get attributes(): ReadonlySet<string> {
    this.#attributes ??= new Set(this.#certificate.subject.split('\n').flatMap((line) => attributesOf(line, '+')));
    return this.#attributes;
  }

  /** SHA-256 in hexadecimal. */
  get fingerprint(): string {
    return this.text('fingerprint');
  }

  /** A property in visible ASCII characters: other octets of its UTF-8 form are written as in RFC 4514, `\C3\AB`. */
  text(property: CertificateText): string {
    let text = this.#texts.get(property);
    if (text === undefined) {
      text = readers[property](this.#certificate).replace(/[^\x20-\x7e]/gu, escaped);
      this.#texts.set(property, text);
    }
    return text;
  }
}

/** The properties of a certificate that texts can tell. */
export type CertificateText = 'subject' | 'commonName' | 'issuer' | 'serial' | 'fingerprint' | 'subjectAltName';

const readers: Readonly<Record<CertificateText, (certificate: X509Certificate) => string>> = {
  subject: ({ subject }) => nameOnOneLine(subject),
  commonName: ({ subject }) => /^(?:.*(?<!\\)\+ ?)?CN=(.*?)(?:(?<!\\) ?\+.*)?$/m.exec(subject)?.[1] ?? '',
  issuer: ({ issuer }) => nameOnOneLine(issuer),
  serial: ({ serialNumber }) => serialNumber,
  fingerprint: ({ fingerprint256 }) => fingerprint256.replaceAll(':', '').toLowerCase(),
  subjectAltName: ({ subjectAltName = '' }) => subjectAltName,
};

export const certificateTexts = Object.keys(readers) as readonly CertificateText[];

/** Certificates by the value of Client-Cert, the one that was read first in front. */
const kept = new Map<string, ShownCertificate>();

/** Reads a value of Client-Cert (RFC 9440 section 2.2); undefined: it holds no certificate. */
export function readShown(field: string): ShownCertificate | undefined {
  const known = kept.get(field);
  if (known !== undefined) return known;
  const encoded = /^:([A-Za-z0-9+/]+=*):$/.exec(field)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const shown = new ShownCertificate(new X509Certificate(Buffer.from(encoded, 'base64')));
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value as string);
    kept.set(field, shown);
    return shown;
  } catch {
    return undefined;
  }
}

/** The attributes of a name, in which `separator` stands escaped where it is part of a value (RFC 4514 section 2.4). */
export function attributesOf(name: string, separator: ',' | '+'): string[] {
  return name.split(separator === ',' ? /(?<!\\),/ : /(?<!\\)\+/).map((one) => one.trim());
}

function escaped(character: string): string {
  return [...Buffer.from(character)].map((octet) => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
