import type { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { CertificateFault, certificateBlock, checkDate, nameOf, parseCertificate, pemRemedy, readText } from './certificate.ts';

/** File with the certificates of the authorities that issue clients' certificates. */
export interface AuthorityFile {
  readonly ca: string;
}

/** Checked certificates of authorities as plain data, so that they can be sent to a worker process. */
export interface ClientAuthority {
  readonly files: AuthorityFile;
  /** In PEM. */
  readonly chain: string;
  /** The earliest date at which one of them expires, in milliseconds since 1970. */
  readonly notAfter: number;
}

/**
 * Reads the certificates of authorities, and checks that they can be used now. Throws a {@link CertificateFault} if not.
 * @param folder that relative paths start from
 * @param now date, in milliseconds since 1970
 */
export function readAuthority(files: AuthorityFile, folder: string, now: number): ClientAuthority {
  const file = resolve(folder, files.ca);
  const blocks = readText(file, 'ca').match(certificateBlock) ?? [];
  if (blocks.length === 0) throw new CertificateFault('ca', `${file} holds no certificate in PEM form: ${pemRemedy}`);
  const certificates = blocks.map((block) => parseCertificate(block, file, 'ca'));
  for (const certificate of certificates) {
    if (!isAuthority(certificate))
      throw new CertificateFault(
        'ca',
        `${file} holds ${nameOf(certificate.subject)}, which is not the certificate of an authority: give the one that issues your clients' certificates`,
      );
    checkDate(certificate, file, 'ca', ` (${nameOf(certificate.subject)})`, now);
  }
  return { files, chain: `${blocks.join('\n')}\n`, notAfter: Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))) };
}

/** True also for a root of X.509 version 1, which cannot say that it is one. */
function isAuthority(certificate: X509Certificate): boolean {
  return certificate.ca || certificate.subject === certificate.issuer;
}
