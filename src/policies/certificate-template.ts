import { type CertificateText, certificateTexts, type ShownCertificate } from './shown-certificate.ts';

const prefix = 'clientCertificate.';

/** References that a {@link CertificateTemplate} replaces, as they stand between `${` and `}`. */
export const certificateReferences: readonly string[] = certificateTexts.map((property) => prefix + property);

const reference = new RegExp(`\\$\\{${prefix.replace('.', '\\.')}(${certificateTexts.join('|')})\\}`);

/** A text that tells of the client's certificate, such as `by ${clientCertificate.commonName}`. */
export class CertificateTemplate {
  /** Literal text and properties in turn. */
  readonly #parts: readonly string[];

  private constructor(parts: readonly string[]) {
    this.#parts = parts;
  }

  /** The template of a text; the text itself if it tells nothing of a certificate. */
  static of(text: string): CertificateTemplate | string {
    const parts = text.split(reference);
    return parts.length === 1 ? text : new CertificateTemplate(parts);
  }

  fill(certificate: ShownCertificate): string {
    return this.#parts.map((part, index) => (index % 2 === 0 ? part : certificate.text(part as CertificateText))).join('');
  }
}
