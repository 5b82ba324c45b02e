import { certificateExpiry } from '../../metrics/certificate-expiry.ts';
import type { Family } from '../../metrics/family.ts';
import type { ServerRecord } from '../../model/server.ts';
import type { CertificateState } from '../../tls/certificate-store.ts';
import type { IssuedState } from '../../tls/issued-certificates.ts';

/** Makes the metric families of certificates: those of files, those that authorities issue, and those of gateway servers. */
export function certificateFamilies(
  files: readonly CertificateState[],
  issued: readonly IssuedState[],
  servers: readonly ServerRecord[],
): Family[] {
  const expiring = [
    ...files.map(({ file, notAfter }) => ({ certificate: file, until: notAfter })),
    ...issued.map(({ name, certificate }) => ({ certificate: name, until: certificate?.notAfter })),
    ...servers.flatMap(({ id, ownCertificate }) => (ownCertificate === undefined ? [] : [{ ...ownCertificate, server: id }])),
  ];
  const lists = files.flatMap(({ lists = [] }) => lists);
  // Environments with other authorities may name the same file.
  const due = new Map(lists.flatMap(({ file, nextUpdate }) => (nextUpdate === undefined ? [] : [[file, nextUpdate] as const])));
  return [
    certificateExpiry(expiring),
    {
      name: 'sluice_revocation_list_due_timestamp_seconds',
      help: 'Time at which the next revocation list of client certificates is due, in seconds since 1970.',
      type: 'gauge',
      series: [...due].map(([list, at]) => ({ labels: { list }, value: at / 1000 })),
    },
    {
      name: 'sluice_certificate_issue_failures',
      help: 'Attempts to get a certificate from its authority (ACME) since the last one that succeeded.',
      type: 'gauge',
      series: issued.map(({ name, failure }) => ({ labels: { certificate: name }, value: failure?.attempts ?? 0 })),
    },
  ];
}
