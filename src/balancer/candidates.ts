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
import type { MemberRecord } from './members.ts';
import type { RegistryView } from './registry-view.ts';

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

/** The registered servers, as {@link Candidates} needs them. */
type Registered = Pick<RegistryView, 'members' | 'membersOf' | 'someLost'>;

/** The servers of environments, with the holders of contested addresses as they were when it was made. */
export class Candidates {
  readonly #registered: Registered;
  readonly #hops: Hops;
  readonly #embedded: EmbeddedServers | undefined;
  /** By address that lost servers claim: the server there. A process that was started later at the address of a lost server is not that server. */
  readonly #holders = new Map<string, MemberRecord>();

  private constructor(registered: Registered, hops: Hops, embedded: EmbeddedServers | undefined) {
    this.#registered = registered;
    this.#hops = hops;
    this.#embedded = embedded;
  }

  /** Finds the holders of contested addresses: only if some server is lost, it goes through all members, one in a piece. */
  static *among(registered: Registered, hops: Hops, embedded?: EmbeddedServers): Pieces<Candidates> {
    const candidates = new Candidates(registered, hops, embedded);
    if (!registered.someLost) return candidates;
    const holders = candidates.#holders;
    for (const member of registered.members.values()) {
      if (member.lost && member.record.embedded === undefined) holders.set(member.record.address, member);
      yield;
    }
    for (const member of registered.members.values()) {
      const { address, embedded } = member.record;
      const holder = holders.get(address);
      if (holder !== undefined && embedded === undefined && holdsBefore(member, holder)) holders.set(address, member);
      yield;
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
    const members: MemberRecord[] = [];
    // A server that runs the empty snapshot would answer 404 to requests that the others can serve.
    let deployed = false;
    for (const member of this.#registered.membersOf(name)) {
      yield;
      if (!this.#isReachable(member)) continue;
      members.push(member);
      deployed ||= (member.record.running?.version ?? 0) > 0 && willing(member);
    }
    for (const member of members) {
      byId.set(member.record.id, this.#candidate(member, environment, deployed));
      yield;
    }
    return yield* sortPieces([...byId.values()], (one, other) => (one.id < other.id ? -1 : 1));
  }

  /** A server that is a part of another balancer has no address: that balancer alone sends it requests. */
  #isReachable({ record }: MemberRecord): boolean {
    return record.embedded === undefined || this.#embedded?.isHere(record.id, record.instance) === true;
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
