import type { EnvironmentSpec } from '../model/environment.ts';
import type { CertificateFiles } from '../tls/certificate.ts';
import { CertificateFault } from '../tls/certificate-fault.ts';
import { type NamedFiles, readFiles, tlsFiles } from '../tls/tls-files.ts';
import type { Conflict } from './listener-conflicts.ts';

/** True for files whose dates are no fault, since nothing better is in use. */
export type DatesIgnored = (files: NamedFiles['files']) => boolean;

/**
 * Finds certificates and keys of a configuration that cannot be used now.
 * @param folder that relative paths start from
 */
export function certificateFaults(
  control: CertificateFiles | undefined,
  environments: Readonly<Record<string, Pick<EnvironmentSpec, 'tls'>>>,
  folder: string,
  datesIgnored: DatesIgnored,
): Conflict[] {
  const ofControl = control === undefined ? [] : [{ files: control, path: ['control', 'tls'] as PropertyKey[] }];
  const ofEnvironments = Object.entries(environments).flatMap(([name, { tls }]) =>
    tlsFiles(tls).map(({ files, path }) => ({ files, path: ['environments', name, 'tls', ...path] })),
  );
  return [...ofControl, ...ofEnvironments].flatMap(({ files, path }) => {
    try {
      readFiles(files, folder, Date.now());
      return [];
    } catch (error) {
      if (!(error instanceof CertificateFault)) throw error;
      if (error.outdated !== undefined && datesIgnored(files)) return [];
      return [{ path: [...path, error.part], message: error.message }];
    }
  });
}
