import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import { issued } from '../model/certificate.ts';

/** Server whose certificate is checked. */
export interface HopMember {
  readonly id: string;
  readonly environment?: string | undefined;
  readonly hop?: { readonly key: string } | undefined;
}

const keyUses = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
const balancerUris = 'sluice://balancer/';

/** Names a server in its certificate, with its environment; a server without one has an empty name of it. */
export function serverUri(environment: string | undefined, id: string): string {
  return `sluice://server/${environment ?? ''}/${id}`;
}

/** Reads the environment that a server's certificate names. */
export function environmentOf({ subjectAltName = '' }: X509Certificate): string | undefined {
  const [, environment = ''] = /^URI:sluice:\/\/server\/([^/,]*)\/[^/,]+$/.exec(subjectAltName) ?? [];
  return environment === '' ? undefined : environment;
}

/** Names a balancer in its certificate. */
export function balancerUri(id: string): string {
  return `${balancerUris}${id}`;
}

/** Writes a public key as servers send it. */
export function writeKey(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

/** Names a certificate (PEM) by its digest. */
export function nameCertificate(pem: string): string {
  return createHash('sha256').update(pem).digest('hex').slice(0, 32);
}

/**
 * Says why a certificate is not the one of `member`; undefined: it is. It must be signed by one of the authorities, be one of a server, name the
 * member's environment and id, and have the member's key. Its dates do not count: a server's lease says how long it may serve, and while no
 * lease can be renewed, no certificate can be either.
 */
export function refuseServer(
  peer: X509Certificate | undefined,
  { id, environment, hop }: HopMember,
  authorities: readonly X509Certificate[],
): string | undefined {
  if (peer === undefined) return 'the server shows no certificate';
  if (hop === undefined) return 'the registry has no key of this server';
  if (writeKey(peer.publicKey) !== hop.key) return 'the certificate has another key than the one that the server registered';
  if (!names(peer, serverUri(environment, id))) return `the certificate is not for ${serverUri(environment, id)}: ${peer.subjectAltName}`;
  return refuseSignature(peer, 'server', authorities);
}

/** Says why a certificate is not one of a balancer on this registry at the date `now`; undefined: it is. */
export function refuseBalancer(
  peer: X509Certificate | undefined,
  authorities: readonly X509Certificate[],
  now: number,
): string | undefined {
  if (peer === undefined) return 'the client shows no certificate';
  if (peer.subjectAltName?.startsWith(`URI:${balancerUris}`) !== true || peer.subjectAltName.includes(','))
    return `the certificate is not one of a balancer: ${peer.subjectAltName}`;
  if (now > Date.parse(peer.validTo) || now < Date.parse(peer.validFrom))
    return `the certificate is valid from ${peer.validFrom} to ${peer.validTo} only: compare the clocks of the machines`;
  return refuseSignature(peer, 'client', authorities);
}

function names(peer: X509Certificate, uri: string): boolean {
  return peer.subjectAltName === `URI:${uri}`;
}

function refuseSignature(peer: X509Certificate, use: 'server' | 'client', authorities: readonly X509Certificate[]): string | undefined {
  if (peer.ca || !peer.keyUsage?.includes(keyUses[use])) return `the certificate is not one of a ${use}`;
  const isSigned = authorities.some((authority) => issued(authority, peer));
  return isSigned ? undefined : 'the certificate is not signed by the authority of this registry';
}
