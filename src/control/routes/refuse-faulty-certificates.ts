import { refusal } from '../../config/refusal.ts';
import type { EnvironmentSpec } from '../../model/environment.ts';
import type { CertificateFault, CertificateFiles } from '../../tls/certificate.ts';

/** Throws `invalid` if this balancer cannot use a certificate that an environment names. */
export function refuseFaultyCertificates(
  { tls }: Pick<EnvironmentSpec, 'tls'>,
  faultOf: ((files: CertificateFiles) => CertificateFault | undefined) | undefined,
): void {
  const faults = (tls?.certificates ?? []).flatMap((files, at) => {
    const fault = faultOf?.(files);
    return fault === undefined ? [] : [{ path: `tls.certificates.${at}.${fault.part}`, message: fault.message }];
  });
  if (faults.length > 0) throw refusal('invalid', faults);
}
