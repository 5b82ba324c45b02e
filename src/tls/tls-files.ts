import type { EnvironmentSpec } from '../model/environment.ts';
import { type Certificate, type CertificateFiles, readCertificate } from './certificate.ts';
import { type AuthorityFile, type ClientAuthority, readAuthority } from './client-authority.ts';

/** Files that belong together, and the place of the settings that name them, below `tls`. */
export interface NamedFiles {
  readonly files: CertificateFiles | AuthorityFile;
  readonly path: readonly PropertyKey[];
}

/** The files that the TLS settings of an environment name. */
export function tlsFiles(tls: EnvironmentSpec['tls']): NamedFiles[] {
  const { certificates = [], clientCertificates } = tls ?? {};
  const own = certificates.map((files, at) => ({ files, path: ['certificates', at] }));
  if (clientCertificates === undefined) return own;
  const { ca, crl } = clientCertificates;
  return [...own, { files: { ca, crl }, path: ['clientCertificates'] }];
}

/** Reads and checks files that belong together. Throws a `CertificateFault` if they cannot be used now. */
export function readFiles(files: NamedFiles['files'], folder: string, now: number): Certificate | ClientAuthority {
  return 'ca' in files ? readAuthority(files, folder, now) : readCertificate(files, folder, now);
}

/** A text that is the same for the same files. */
export function keyOf(files: NamedFiles['files']): string {
  return 'ca' in files ? [files.ca, ...files.crl].join('\0') : `${files.certificate}\0${files.key}`;
}

/** The file that holds the certificates, as configured. */
export function fileOf(files: NamedFiles['files']): string {
  return 'ca' in files ? files.ca : files.certificate;
}
