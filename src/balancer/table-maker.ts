import type { Clock } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import type { Pieces } from '../model/pieces.ts';
import { sameFields } from '../model/same-fields.ts';
import { formatIdentity } from '../model/server-identity.ts';
import type { Candidate, Candidates } from './candidates.ts';
import type { Ejections } from './ejections.ts';
import type { CheckStatus, HealthChecks } from './health-checks.ts';
import type { Hops } from './hops.ts';
import { incompleteServers } from './incomplete-servers.ts';
import type { MemberRecord } from './members.ts';
import { healthOf, type TableEnvironment, type TableServer } from './table.ts';
import type { TrafficWitness } from './traffic-witness.ts';

/** Why a server without a lease is in rotation, for people. */
const stillAnswers = {
  checked: 'its lease ended; it still passes its health checks',
  unchecked: 'its lease ended; it still answers requests',
} as const;

/** Status of the servers of an environment without checks, and of those that are a part of this process. */
const unjudged: CheckStatus = { health: 'up', admitted: true };

/** Servers, and the judgement of all that watches them. */
interface TableMakerTools {
  readonly candidates: Candidates;
  readonly members: ReadonlyMap<string, MemberRecord>;
  readonly checks: Pick<HealthChecks, 'status'>;
  readonly ejections: Pick<Ejections, 'reason'>;
  readonly traffic: Pick<TrafficWitness, 'vouches'>;
  readonly hops: Pick<Hops, 'credentials'>;
  readonly clock: Clock;
}

/** Makes tables of servers: membership with the judgement of checks, ejections and traffic. */
export class TableMaker {
  readonly #tools: TableMakerTools;

  constructor(tools: TableMakerTools) {
    this.#tools = tools;
  }

  /** Makes an environment's table, one server in a piece. A server that has not changed is the same object as `before`. */
  *make(environment: Environment, serversBefore: readonly TableServer[] = []): Pieces<TableEnvironment> {
    const { candidates, hops } = this.#tools;
    const before = new Map<string, TableServer>();
    for (const server of serversBefore) {
      before.set(server.id, server);
      yield;
    }
    const stated: TableServer[] = [];
    for (const candidate of yield* candidates.of(environment)) {
      stated.push(this.#stated(environment, candidate));
      yield;
    }
    const servers: TableServer[] = [];
    for (const server of this.#withoutIncomplete(stated)) {
      const known = before.get(server.id);
      const wellSince = this.#wellSince(server, known);
      const next = wellSince === undefined ? server : { ...server, wellSince };
      servers.push(known !== undefined && sameFields(known, next) ? known : next);
      yield;
    }
    const hop = servers.some(({ hopKey, identity }) => hopKey !== undefined || identity !== undefined) ? hops.credentials : undefined;
    return { name: environment.name, spec: environment.spec, servers, ...(hop && { hop }) };
  }

  /** A server with the judgement of checks, ejections and traffic. */
  #stated({ name, spec }: Environment, candidate: Candidate): TableServer {
    const { id, instance, address, weight, tls, hopKey, refused, proxyProtocol, willing, expected, embedded, lost, leaseEndedAt } =
      candidate;
    const notChecked = spec.health === 'off' || embedded;
    const { health, admitted, reason: downFor, identity } = notChecked ? unjudged : this.#tools.checks.status(name, id);
    // Without checks nothing tells that a server has restarted while it cannot register, so that any start of it is accepted.
    const stated = expected && (identity ?? (notChecked ? { id, environment: name } : expected));
    const ejectedFor = this.#tools.ejections.reason(name, { id, instance, address });
    const answers = spec.health === 'off' && !embedded ? this.#tools.traffic.vouches(name, id) : health === 'up';
    const serving = willing && admitted && (!lost || answers);
    const inRotation = serving && leaseEndedAt !== undefined ? leaseEndedAt : undefined;
    const witness = inRotation === undefined ? undefined : stillAnswers[spec.health === 'off' ? 'unchecked' : 'checked'];
    const reason = refused ?? downFor ?? ejectedFor ?? witness;
    const server = { id, instance, address, weight, serving, health, ejected: ejectedFor !== undefined };
    return {
      ...server,
      ...(tls && { tls }),
      ...(embedded && { embedded }),
      ...(hopKey !== undefined && { hopKey }),
      ...(proxyProtocol && { proxyProtocol }),
      ...(stated && { identity: formatIdentity(stated) }),
      ...(inRotation !== undefined && { leaseEndedAt: inRotation }),
      ...(reason !== undefined && { reason }),
    };
  }

  /** Takes the servers out of rotation that rejected what others serve. */
  #withoutIncomplete(servers: readonly TableServer[]): readonly TableServer[] {
    const reporting = servers.flatMap((server) => {
      const record = this.#tools.members.get(server.id)?.record;
      const reports = record?.source === 'join' && record.instance === server.instance && record.running !== undefined;
      return reports ? [{ record, usable: server.serving && healthOf(server) === 'up' && server.weight > 0 }] : [];
    });
    const incomplete = incompleteServers(reporting);
    if (incomplete.size === 0) return servers;
    return servers.map((server) => {
      const lacked = incomplete.get(server.id);
      if (lacked === undefined || !server.serving) return server;
      const lacks = `it serves no revision of ${lacked.slice(0, 3).join(', ')}, which other servers serve`;
      const { leaseEndedAt, reason, ...rest } = server;
      return { ...rest, serving: false, incomplete: true, reason: leaseEndedAt === undefined ? (reason ?? lacks) : lacks };
    });
  }

  #wellSince(server: TableServer, before: TableServer | undefined): number | undefined {
    if (!server.serving || healthOf(server) !== 'up') return undefined;
    const wellSince = before?.instance === server.instance ? before.wellSince : undefined;
    return wellSince ?? this.#tools.clock.date();
  }
}
