import type { X509Certificate } from 'node:crypto';
import { dateFault, nameOf, readCertificates } from '../model/certificate.ts';
import { demand, faultIn, readText } from './certificate-fault.ts';
import { listDateFault, type RevocationList, readRevocationLists } from './revocation-list.ts';

/** File with the certificates of the authorities that issue clients' certificates, and those with their revocation lists. */
export interface AuthorityFile {
  readonly ca: string;
  readonly crl: readonly string[];
}

/** Checked certificates of authorities as plain data, so that they can be sent to a worker process. */
export interface ClientAuthority {
  readonly files: AuthorityFile;
  /** In PEM. */
  readonly chain: string;
  /** The earliest date at which one of those that are valid expires, in milliseconds since 1970; if none is, that of the first to expire. */
  readonly notAfter: number;
  readonly lists: readonly RevocationList[];
}

/**
 * Reads the certificates of authorities and their revocation lists, and checks that they can be used now: former ones, which have expired, may stand
 * beside a valid one. Throws a `CertificateFault` if not.
 * @param folder that relative paths start from
 * @param now date, in milliseconds since 1970
 */
export function readAuthority(files: AuthorityFile, folder: string, now: number): ClientAuthority {
  const text = readText(folder, files, 'ca');
  const certificates = demand(text, readCertificates(text.content));
  const stranger = certificates.find((certificate) => !isAuthority(certificate));
  if (stranger !== undefined)
    throw faultIn(
      text,
      `holds ${nameOf(stranger.subject)}, which is not the certificate of an authority: give the one that issues your clients' certificates`,
    );
  const dated = files.crl.flatMap((file) => readRevocationLists(file, folder, certificates, text));
  const valid = certificates.filter((one) => dateFault([one], now) === undefined);
  const authority = {
    files,
    chain: certificates.map((one) => one.toString()).join(''),
    notAfter: Math.min(...(valid.length > 0 ? valid : certificates).map(({ validTo }) => Date.parse(validTo))),
    lists: dated.map(({ list }) => list),
  };
  const outdated = dateFault(certificates, now);
  if (valid.length === 0 && outdated !== undefined) throw faultIn(text, outdated, authority);
  for (const one of dated) {
    const late = listDateFault(one, now);
    if (late !== undefined) throw faultIn(one.text, late, authority);
  }
  return authority;
}

/** True also for a root of X.509 version 1, which cannot say that it is one. */
function isAuthority(certificate: X509Certificate): boolean {
  return certificate.ca || certificate.subject === certificate.issuer;
}
