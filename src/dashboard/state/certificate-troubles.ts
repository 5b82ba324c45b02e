import type { EnvironmentAnswer } from '../../api/answers.ts';

/** A certificate of a listener, of the control address or of a gateway server. */
type Certificate = Pick<
  NonNullable<EnvironmentAnswer['status']['certificates']>[number],
  'certificate' | 'fault' | 'until' | 'acme' | 'revoked'
>;

/** A fault of a certificate: its authority issues no new one, or the present one cannot be used. */
export interface CertificateTrouble {
  readonly kind: 'issue' | 'certificate';
  readonly text: string;
}

export function certificateTroubles({ certificate, fault, until, acme, revoked }: Certificate): CertificateTrouble[] {
  const found: CertificateTrouble[] = [];
  if (acme?.failure !== undefined) found.push({ kind: 'issue', text: `no new certificate for ${certificate}: ${acme.failure.reason}` });
  // Of a revocation list that is out of date, the fault tells more.
  const isExpired = revoked === undefined && until !== null && until < Date.now();
  if (fault !== undefined || isExpired) found.push({ kind: 'certificate', text: fault ?? `the certificate ${certificate} has expired` });
  return found;
}
