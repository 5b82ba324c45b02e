import type { EnvironmentSpec } from '../model/environment.ts';
import { CertificateFault, type CertificateFiles, readCertificate } from '../tls/certificate.ts';
import { readAuthority } from '../tls/client-authority.ts';
import type { Conflict } from './listener-conflicts.ts';

/**
 * Finds certificates and keys of a configuration that cannot be used now.
 * @param folder that relative paths start from
 * @param starting a certificate that has expired, or is not valid yet, is no fault
 */
export function certificateFaults(
  control: CertificateFiles | undefined,
  environments: Readonly<Record<string, Pick<EnvironmentSpec, 'tls'>>>,
  folder: string,
  starting: boolean,
): Conflict[] {
  const named = Object.entries(environments).flatMap(([name, { tls }]) =>
    (tls?.certificates ?? []).map((files, at) => ({ files, path: ['environments', name, 'tls', 'certificates', at] as PropertyKey[] })),
  );
  const all = control === undefined ? named : [{ files: control, path: ['control', 'tls'] as PropertyKey[] }, ...named];
  const ofClients = Object.entries(environments).flatMap(([name, { tls }]) => {
    const { clientCertificates } = tls ?? {};
    return clientCertificates === undefined
      ? []
      : [{ ca: clientCertificates.ca, path: ['environments', name, 'tls', 'clientCertificates'] }];
  });
  return [
    ...all.flatMap(({ files, path }) => faultOf(path, starting, () => readCertificate(files, folder, Date.now()))),
    ...ofClients.flatMap(({ ca, path }) => faultOf(path, starting, () => readAuthority({ ca }, folder, Date.now()))),
  ];
}

function faultOf(path: readonly PropertyKey[], starting: boolean, read: () => unknown): Conflict[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof CertificateFault)) throw error;
    if (starting && error.outdated !== undefined) return [];
    return [{ path: [...path, error.part], message: error.message }];
  }
}
