import type { Family } from '../../metrics/family.ts';
import type { CertificateState } from '../../tls/certificate-store.ts';
import type { IssuedState } from '../../tls/issued-certificates.ts';

/** Makes the metric families of certificates: those of files, and those that authorities issue. */
export function certificateFamilies(files: readonly CertificateState[], issued: readonly IssuedState[]): Family[] {
  const all = [
    ...files.map(({ file, notAfter }) => ({ label: file, notAfter })),
    ...issued.map(({ name, certificate }) => ({ label: name, notAfter: certificate?.notAfter })),
  ];
  const lists = files.flatMap(({ lists = [] }) => lists);
  // Environments with other authorities may name the same file.
  const due = new Map(lists.flatMap(({ file, nextUpdate }) => (nextUpdate === undefined ? [] : [[file, nextUpdate] as const])));
  return [
    {
      name: 'sluice_certificate_expiry_timestamp_seconds',
      help: 'Time at which a certificate in use expires, in seconds since 1970.',
      type: 'gauge',
      series: all.flatMap(({ label, notAfter }) =>
        notAfter === undefined ? [] : [{ labels: { certificate: label }, value: notAfter / 1000 }],
      ),
    },
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
