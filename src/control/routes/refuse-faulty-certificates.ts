import { refusal } from '../../config/refusal.ts';
import type { EnvironmentSpec } from '../../model/environment.ts';
import type { CertificateStore } from '../../tls/certificate-store.ts';

/** Throws `invalid` if this balancer cannot use a certificate that an environment names. */
export function refuseFaultyCertificates({ tls }: Pick<EnvironmentSpec, 'tls'>, certificates: CertificateStore | undefined): void {
  const faults = (tls?.certificates ?? []).flatMap((files, at) => {
    const fault = certificates?.faultOf(files);
    return fault === undefined ? [] : [{ path: `tls.certificates.${at}.${fault.part}`, message: fault.message }];
  });
  const { clientCertificates } = tls ?? {};
  const fault = clientCertificates && certificates?.faultOf({ ca: clientCertificates.ca });
  if (fault !== undefined) faults.push({ path: 'tls.clientCertificates.ca', message: fault.message });
  if (faults.length > 0) throw refusal('invalid', faults);
}
