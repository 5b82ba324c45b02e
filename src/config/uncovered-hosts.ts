import { isIssuable } from '../model/acme.ts';
import type { Fault } from '../model/fault.ts';
import { readCertificate } from '../tls/certificate.ts';
import { coversHost } from '../tls/certificate-names.ts';
import type { Config } from './config.ts';

/** Finds hosts of environments with TLS for which clients believe none of the listener's certificates, or not for each name below. */
export function uncoveredHosts({ environments, folder }: Pick<Config, 'environments' | 'folder'>): Fault[] {
  return environments.flatMap(({ name, spec }) => {
    if (spec.tls === undefined) return [];
    const sharing = environments.filter((other) => other.spec.listen === spec.listen);
    const ofFiles = sharing.flatMap((other) => other.spec.tls?.certificates ?? []).flatMap((files) => readCertificate(files, folder).names);
    const issued = sharing.flatMap((other) => (other.spec.tls?.acme === undefined ? [] : other.spec.hosts.filter(isIssuable)));
    const names = [...ofFiles, ...issued];
    return spec.hosts.flatMap((host) => {
      const message = faultOf(host, names);
      return message === undefined ? [] : [{ path: `environments.${name}.hosts`, message }];
    });
  });
}

function faultOf(host: string, names: readonly string[]): string | undefined {
  const uncovered = `no certificate covers "${host}": clients refuse the connection, and those that accept every certificate get 421`;
  if (!host.startsWith('*.')) return coversHost(names, host) ? undefined : uncovered;
  const below = host.slice('*.'.length);
  if (names.includes(host))
    return `"${host}" means all names below ${below}, but a certificate's "${host}" only those with one more label: requests for a.b.${below} get 421, unless a certificate has that name or "*.b.${below}"`;
  const some = names.some((name) => name.endsWith(`.${below}`));
  return some ? `the certificates cover only some names of "${host}": requests for others get 421` : uncovered;
}
