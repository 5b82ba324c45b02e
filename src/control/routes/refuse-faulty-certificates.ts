import { refusal } from '../../config/refusal.ts';
import type { EnvironmentSpec } from '../../model/environment.ts';
import type { CertificateStore } from '../../tls/certificate-store.ts';
import { tlsFiles } from '../../tls/tls-files.ts';

/** Throws `invalid` if this balancer cannot use a certificate that an environment names. */
export function refuseFaultyCertificates({ tls }: Pick<EnvironmentSpec, 'tls'>, certificates: CertificateStore | undefined): void {
  const faults = tlsFiles(tls).flatMap(({ files, path }) => {
    const fault = certificates?.faultOf(files);
    return fault === undefined ? [] : [{ path: ['tls', ...path, fault.part].join('.'), message: fault.message }];
  });
  if (faults.length > 0) throw refusal('invalid', faults);
}
