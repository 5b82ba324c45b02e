import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { isIssuable } from '../model/acme.ts';
import { parseAddress } from '../model/address.ts';
import type { EnvironmentSpec } from '../model/environment.ts';

/** A fault of the setting at `path`. */
interface AcmeConflict {
  readonly path: readonly string[];
  readonly message: string;
}

/** Port at which authorities ask for HTTP-01 (RFC 8555 section 8.3). */
const httpPort = 80;

/**
 * Finds reasons for which an authority could not issue certificates for an environment. The paths start from its `tls`.
 * @param all environments of the balancer, by name
 */
export function acmeConflicts({ tls, hosts }: EnvironmentSpec, all: readonly (readonly [string, EnvironmentSpec])[]): AcmeConflict[] {
  if (tls?.acme === undefined) return [];
  const { acme } = tls;
  const found: AcmeConflict[] = [];
  if (hosts.length === 0) found.push({ path: ['acme'], message: 'has no names to get certificates for: list them in hosts' });
  // Certificates of files may cover the others.
  const unissuable = tls.certificates.length > 0 ? [] : hosts.filter((host) => !isIssuable(host));
  for (const host of unissuable) found.push({ path: ['acme'], message: `cannot get a certificate for "${host}": ${remedyOf(host)}` });
  const isAsked =
    tls.redirectFrom !== undefined || all.some(([, other]) => other.tls === undefined && parseAddress(other.listen).port === httpPort);
  if (acme.challenge === 'http-01' && !isAsked)
    found.push({
      path: ['acme', 'challenge'],
      message: `is http-01, but nothing answers at port ${httpPort}, where the authority asks: set tls.redirectFrom, for example to 0.0.0.0:${httpPort}, or choose tls-alpn-01`,
    });
  for (const [name, { tls: other, hosts: others }] of all) {
    const shared =
      other?.acme === undefined || isDeepStrictEqual(other.acme, acme) ? undefined : hosts.find((host) => others.includes(host));
    if (shared !== undefined)
      found.push({
        path: ['acme'],
        message: `differs from that of "${name}" for "${shared}": a name has one certificate, so give both the same settings`,
      });
  }
  return found;
}

function remedyOf(host: string): string {
  if (host.startsWith('*.'))
    return 'a wildcard can only be proven by DNS-01, which Sluice does not speak. List each name, or give a file that covers it in tls.certificates';
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return 'it is an IP address. Use names, or give a file that covers it in tls.certificates';
  return 'it is no proper DNS name (labels of letters, digits and hyphens). Correct it, or give a file that covers it in tls.certificates';
}
