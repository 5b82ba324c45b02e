import { type AcmeSpec, isIssuable } from '../model/acme.ts';
import { type EnvironmentSpec, environmentSpec } from '../model/environment.ts';
import type { ListenerSettings } from '../proxy/contract.ts';
import type { Certificate, CertificateFiles } from '../tls/certificate.ts';
import { coversHost } from '../tls/certificate-names.ts';
import type { AuthorityFile, ClientAuthority } from '../tls/client-authority.ts';
import type { IssuedCertificates } from '../tls/issued-certificates.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import { keyOf } from '../tls/tls-files.ts';
import type { TableEnvironment } from './table.ts';

/** Merges the settings of environments that share a listener: until Host is read a request belongs to none of them, so the largest limit applies. */
export function settingsOf(sharing: readonly TableEnvironment[]): Omit<ListenerSettings, 'tls'> {
  const specs = sharing.length === 0 ? [environmentSpec.parse({})] : sharing.map((environment) => environment.spec);
  return {
    headerBytes: Math.max(...specs.map((spec) => spec.limits.headerBytes)),
    bodyRate: Math.min(...specs.map((spec) => spec.limits.bodyRate)),
    connections: most(specs.map((spec) => spec.limits.connections)),
    timeouts: {
      requestHead: longest(specs.map((spec) => spec.timeouts.requestHead)),
      requestBody: longest(specs.map((spec) => spec.timeouts.requestBody)),
      clientIdle: longest(specs.map((spec) => spec.timeouts.clientIdle)),
    },
    underscores: strictest(specs.map((spec) => spec.underscores)),
    trustedProxies: [...new Set(specs.flatMap((spec) => spec.trustedProxies))],
    proxyProtocol: [...new Set(specs.flatMap((spec) => spec.proxyProtocol))],
  };
}

/** Certificates of a balancer: those of files, and those that authorities issue. */
export interface CertificateSources {
  find(files: CertificateFiles): Certificate | undefined;
  readonly issued: Pick<IssuedCertificates, 'find' | 'answers'>;
}

/** The certificates of environments that share a listener; undefined: it is plain. Those of its default environment come first. */
export function tlsOf(
  sharing: readonly TableEnvironment[],
  { find, issued }: CertificateSources,
  clientAuthorities: readonly ClientAuthority[],
  ticketKey: (environment: string) => string,
): ListenerTls | undefined {
  const sorted = [...sharing].sort((one, other) => Math.sign(one.spec.hosts.length) - Math.sign(other.spec.hosts.length));
  const wanted = sorted.flatMap(({ spec }) => spec.tls ?? []);
  if (wanted.length === 0) return undefined;
  const challenges = issued.answers?.tls ?? [];
  return {
    certificates: [
      ...wanted.flatMap(({ certificates }) => certificates).flatMap((files) => find(files) ?? []),
      ...[...issuedNames(sorted, find).keys()].map((name) => issued.find(name)),
    ],
    ...(challenges.length > 0 && { challenges }),
    minVersion: wanted.some(({ minVersion }) => minVersion === '1.3') ? '1.3' : '1.2',
    ...(clientAuthorities.length > 0 && { clientAuthorities }),
    ...(wanted.some(({ clientCertificates }) => clientCertificates?.chain === true) && { clientChains: true }),
    environments: sorted.map(({ name, spec: { hosts, tls } }) => ({ name, hosts, ticketKey: ticketKey(name), hsts: tls?.hsts ?? 0 })),
  };
}

/** The names that an authority issues certificates for, of environments that share a listener: those that no file covers. */
export function issuedNames(sharing: readonly TableEnvironment[], find: CertificateSources['find']): Map<string, AcmeSpec> {
  const files = sharing.flatMap(({ spec }) => spec.tls?.certificates ?? []).flatMap((named) => find(named)?.names ?? []);
  const names = new Map<string, AcmeSpec>();
  for (const { spec } of sharing) {
    const { acme } = spec.tls ?? {};
    if (acme === undefined) continue;
    for (const host of spec.hosts) if (isIssuable(host) && !coversHost(files, host) && !names.has(host)) names.set(host, acme);
  }
  return names;
}

/** The authorities of client certificates of environments that share a listener, one for each combination of files. */
export function authoritiesOf(
  sharing: readonly TableEnvironment[],
  find: (file: AuthorityFile) => ClientAuthority | undefined,
): ClientAuthority[] {
  const named = sharing.flatMap(({ spec }) => spec.tls?.clientCertificates ?? []);
  const files = new Map(named.map(({ ca, crl }) => [keyOf({ ca, crl }), { ca, crl }]));
  return [...files.values()].flatMap((file) => find(file) ?? []);
}

/** The greatest number of connections; `auto` sets no number. */
function most(limits: readonly EnvironmentSpec['limits']['connections'][]): EnvironmentSpec['limits']['connections'] {
  return limits.includes('auto') ? 'auto' : Math.max(...(limits as number[]));
}

/** The longest timeout; 0 means no limit. */
function longest(timeouts: readonly number[]): number {
  return timeouts.includes(0) ? 0 : Math.max(...timeouts);
}

function strictest(rules: readonly EnvironmentSpec['underscores'][]): EnvironmentSpec['underscores'] {
  return (['reject', 'drop'] as const).find((rule) => rules.includes(rule)) ?? 'keep';
}
