import type { EnvironmentSpec } from '../model/environment.ts';
import { CertificateFault, readCertificate } from '../tls/certificate.ts';
import type { Conflict } from './listener-conflicts.ts';

/** Finds certificates and keys of environments that cannot be used now. @param folder that relative paths start from */
export function certificateFaults(environments: Readonly<Record<string, Pick<EnvironmentSpec, 'tls'>>>, folder: string): Conflict[] {
  return Object.entries(environments).flatMap(([name, { tls }]) =>
    (tls?.certificates ?? []).flatMap((files, at): Conflict[] => {
      try {
        readCertificate(files, folder, Date.now());
        return [];
      } catch (error) {
        if (!(error instanceof CertificateFault)) throw error;
        return [{ path: ['environments', name, 'tls', 'certificates', at, error.part], message: error.message }];
      }
    }),
  );
}
