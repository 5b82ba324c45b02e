import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { proveBalancer } from '../certificates/balancer-proof.ts';
import { refuseServer } from '../certificates/hop-certificates.ts';
import { parseAddress } from '../model/address.ts';
import { splitPem } from '../model/certificate.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { ServerRecord } from '../model/server.ts';
import { parseIdentity } from '../model/server-identity.ts';
import { hopName } from '../tls/hop-tls.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import type { TableHop } from './table.ts';

/** The way to a server: plain, with mutual TLS, or none. */
export interface Hop {
  /** Public key that the server proves to have; absent: connections are plain. */
  readonly hopKey?: string;
  /** Why there is no way that the environment allows; absent: there is one. */
  readonly refused?: string;
}

/**
 * Decides how a balancer reaches a registered server. The registry's record of the server decides whether it has TLS, so that no attacker on the
 * network can talk a balancer into plain connections.
 */
export function hopTo({ source, hop, address }: Pick<ServerRecord, 'source' | 'hop' | 'address'>, about: HopConditions): Hop {
  const { serverTls, hasCredentials, isAwaited, isOwn } = about;
  // A program that registers by plain HTTP need not be a gateway server of Sluice, and has TLS only if it offers it.
  if (serverTls === 'off' || (source !== 'join' && hop === undefined)) return {};
  if (serverTls === 'auto' && isOwn(parseAddress(address).host)) return {};
  if (hop?.serves === true) return hasCredentials ? { hopKey: hop.key } : { refused: noCredentials };
  if (serverTls === 'on') return { refused: hop === undefined ? noTls : noCertificate };
  return hasCredentials && isAwaited ? { refused: awaited } : {};
}

const awaited = 'it waits for its certificate';
const noTls = 'serverTls is on, and the server has no TLS for balancers: update its program';
const noCertificate =
  'serverTls is on, and the server has no certificate yet: it gets one within seconds, unless no balancer can issue any';
const noCredentials = 'this balancer has no certificate to show to the server: its log says why';

/** Conditions on which the way to a server depends. */
export interface HopConditions {
  readonly serverTls: EnvironmentSpec['serverTls'];
  /** This balancer can prove that it is one. */
  readonly hasCredentials: boolean;
  /** The server may get its certificate any moment. */
  readonly isAwaited: boolean;
  /** True for hosts of this machine. */
  isOwn(host: string): boolean;
}

/** Credentials for the connections to an environment's servers, as the connectors of this process share them. */
export interface MemberHop {
  readonly environment: string;
  /** The same object as long as the credentials stay the same. */
  readonly settings: OutgoingTls;
  /** Proves to the server of an identity, as {@link parseIdentity} reads it, that a connection without TLS is one of this balancer. */
  proofTo(identity: string): string | undefined;
}

/** The hop that follows from the credentials in a table. @param before the present one, which is kept if nothing has changed */
export function memberHop(environment: string, given: TableHop | undefined, before: MemberHop | undefined): MemberHop | undefined {
  if (given === undefined) return undefined;
  const { certificate, key, authorities } = given;
  // No name is in the certificates of servers, and their dates do not count: the connector judges them.
  const settings = { certificate, key, ca: authorities.join('\n'), serverName: hopName, verify: false };
  if (before !== undefined && isDeepStrictEqual(before.settings, settings)) return before;
  const proofTo = (identity: string) => {
    const server = parseIdentity(identity);
    return server && proveBalancer(given, server);
  };
  return { environment, settings, proofTo };
}

/** Opens connections with mutual TLS to one server. Without credentials each of them fails. @param key that the server proves to have */
export function hopConnector(hop: MemberHop | undefined, id: string, key: string): TlsConnector {
  return new TlsConnector(hop?.settings, (certificate, settings) =>
    refuseServer(certificate, { id, environment: hop?.environment, hop: { key } }, authoritiesIn(settings)),
  );
}

const parsed = new WeakMap<OutgoingTls, readonly X509Certificate[]>();

function authoritiesIn(settings: OutgoingTls): readonly X509Certificate[] {
  const known = parsed.get(settings) ?? splitPem(settings.ca ?? '').map((pem) => new X509Certificate(pem));
  parsed.set(settings, known);
  return known;
}
