import type { Environment } from '../model/environment.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ProxyVersion } from '../model/proxy-protocol.ts';
import { acceptsTraffic } from '../model/server.ts';
import type { ServerIdentity } from '../model/server-identity.ts';
import { sortPieces } from '../model/sort-pieces.ts';
import type { EmbeddedServers } from './embedded-servers.ts';
import type { Hop } from './hop.ts';
import type { Hops } from './hops.ts';
import type { MemberRecord } from './registry-view.ts';

/** A server of an environment that may be given requests, as far as registry and configuration tell. */
export interface Candidate {
  readonly id: string;
  readonly instance: string;
  readonly address: string;
  readonly weight: number;
  readonly tls?: OutgoingTls;
  /** Public key that the server proves to have, in connections with mutual TLS; absent: connections are as `tls` says. */
  readonly hopKey?: string;
  /** Why the server cannot be reached as the environment demands; absent: it can. */
  readonly refused?: string;
  readonly willing: boolean;
  /** The server is a part of this process. */
  readonly embedded?: true;
  /** The server need not be Sluice's. */
  readonly foreign: boolean;
  /** Version of the PROXY protocol that the server expects; absent: none. */
  readonly proxyProtocol?: ProxyVersion;
  /** Identity that the server must state; undefined: it states none. */
  readonly expected: ServerIdentity | undefined;
  /** True if the server's lease ended, so that it is in rotation only while it answers. */
  readonly lost: boolean;
  readonly leaseEndedAt?: number;
}

/** The registered servers by environment, and the holders of contested addresses, gone through once for all environments. */
export class Candidates {
  readonly #hops: Hops;
  readonly #embedded: EmbeddedServers | undefined;
  readonly #byEnvironment = new Map<string, MemberRecord[]>();
  /** By address that lost servers claim: the server there. A process that was started later at the address of a lost server is not that server. */
  readonly #holders = new Map<string, MemberRecord>();

  private constructor(hops: Hops, embedded: EmbeddedServers | undefined) {
    this.#hops = hops;
    this.#embedded = embedded;
  }

  /** Goes through the members, one in a piece. */
  static *among(members: ReadonlyMap<string, MemberRecord>, hops: Hops, embedded?: EmbeddedServers): Pieces<Candidates> {
    const candidates = new Candidates(hops, embedded);
    for (const member of members.values()) {
      candidates.#add(member);
      yield;
    }
    // Few servers are lost, as a rule: then this is a look-up for each.
    if (candidates.#holders.size > 0) {
      for (const member of members.values()) {
        const holder = candidates.#holders.get(member.record.address);
        if (holder !== undefined && member.record.embedded === undefined && holdsBefore(member, holder))
          candidates.#holders.set(member.record.address, member);
        yield;
      }
    }
    return candidates;
  }

  /** The environment's servers, static and registered, sorted by id; a registered server replaces a static one with the same id. */
  *of(environment: Environment): Pieces<Candidate[]> {
    const { name, spec, drained = [] } = environment;
    const byId = new Map<string, Candidate>();
    const isDrained = new Set(drained);
    for (const { id, address, weight, tls, proxyProtocol: version } of spec.servers) {
      const proxyProtocol = version === 'off' ? undefined : version;
      const candidate = { id, instance: '', address, weight, foreign: true, expected: undefined, lost: false, willing: !isDrained.has(id) };
      const more =
        tls === undefined && proxyProtocol === undefined ? undefined : { ...(proxyProtocol && { proxyProtocol }), ...(tls && { tls }) };
      byId.set(id, more === undefined ? candidate : { ...candidate, ...more });
      yield;
    }
    const members = this.#byEnvironment.get(name) ?? [];
    // A server that runs the empty snapshot would answer 404 to requests that the others can serve.
    const deployed = members.some((member) => (member.record.running?.version ?? 0) > 0 && willing(member));
    for (const member of members) {
      byId.set(member.record.id, this.#candidate(member, environment, deployed));
      yield;
    }
    return yield* sortPieces([...byId.values()], (one, other) => (one.id < other.id ? -1 : 1));
  }

  #add(member: MemberRecord): void {
    const { record, lost } = member;
    // A server that is a part of another balancer has no address: that balancer alone sends it requests.
    if (record.embedded !== undefined && !this.#isHere(record)) return;
    if (lost && record.embedded === undefined) this.#holders.set(record.address, member);
    if (record.environment === undefined) return;
    const others = this.#byEnvironment.get(record.environment);
    if (others === undefined) this.#byEnvironment.set(record.environment, [member]);
    else others.push(member);
  }

  #isHere({ id, instance }: MemberRecord['record']): boolean {
    return this.#embedded?.isHere(id, instance) === true;
  }

  #candidate(member: MemberRecord, environment: Environment, deployed: boolean): Candidate {
    const { record, lost, leaseEndedAt } = member;
    const { id, instance, address, weight, running, source, identifies } = record;
    const empty = deployed && running?.version === 0;
    const superseded = lost && record.embedded === undefined && this.#holders.get(address)?.record.id !== id;
    const expected = identifies ? { id, instance, environment: environment.name } : undefined;
    const here = record.embedded !== undefined;
    const { hopKey, refused } = here ? inProcess : this.#hops.to(record, environment);
    const isWilling = !empty && !superseded && refused === undefined && willing(member);
    const candidate = { id, instance, address, weight, foreign: source !== 'join', expected, lost, willing: isWilling };
    if (leaseEndedAt === undefined && hopKey === undefined && refused === undefined && !here) return candidate;
    return {
      ...candidate,
      ...(here && { embedded: true as const }),
      ...(leaseEndedAt !== undefined && { leaseEndedAt }),
      ...(hopKey !== undefined && { hopKey }),
      ...(refused !== undefined && { refused }),
    };
  }
}

const inProcess: Hop = {};

/** True if a server holds its address rather than another one: it has its lease and the other has not, or it started later. */
function holdsBefore(one: MemberRecord, other: MemberRecord): boolean {
  return one.lost === other.lost ? one.record.startedAt > other.record.startedAt : !one.lost;
}

/**
 * True if the server may take new requests while it is healthy. A server registered by plain HTTP never acknowledges a snapshot, so that
 * its checks alone decide; it takes itself out by no longer registering.
 */
function willing({ record, lost }: MemberRecord): boolean {
  if (!acceptsTraffic(record)) return false;
  return record.source === 'http' ? !lost : record.running !== undefined;
}
