import { isDeepStrictEqual } from 'node:util';
import type { ProberTools } from '../health/prober.ts';
import type { Timer } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import type { CheckCounts, LiveServer, RegistrySync } from '../model/live.ts';
import { type Pieces, startNow } from '../model/pieces.ts';
import { sameFields } from '../model/same-fields.ts';
import { formatIdentity } from '../model/server-identity.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { Ejections } from './ejections.ts';
import type { EmbeddedServers } from './embedded-servers.ts';
import type { FailureReport } from './feedback.ts';
import { type CheckedServer, type CheckStatus, HealthChecks } from './health-checks.ts';
import { type HopCredentialsSource, Hops } from './hops.ts';
import { incompleteServers } from './incomplete-servers.ts';
import { type MemberRecord, RegistryView, type RegistryViewTools } from './registry-view.ts';
import { healthOf, type TableEnvironment, type TableReader, type TableServer } from './table.ts';
import { TrafficWitness } from './traffic-witness.ts';

/** Milliseconds in which several changes are coalesced into one table: a thousand servers that start together must not cause a thousand tables. */
const coalesceMs = 5;

/** Maximum time that a start waits for the first checks of the servers that are already registered, in milliseconds. */
const firstChecksMs = 1000;

/**
 * Maximum time that a start waits for servers to which this balancer is a stranger, in milliseconds: those that lost their connection to it with the
 * process before try again every 2 s.
 */
const acquaintanceMs = 4000;

/** Maximum time that a start waits for the servers that are a part of this process, in milliseconds: much may be deployed. */
const embeddedMs = 10_000;

/** Most servers that a log line names. */
const maxNamed = 5;

/** Why a server without a lease is in rotation, for people. */
const stillAnswers = {
  checked: 'its lease ended; it still passes its health checks',
  unchecked: 'its lease ended; it still answers requests',
} as const;

/** Status of the servers of an environment without checks, and of those that are a part of this process. */
const unjudged: CheckStatus = { health: 'up', admitted: true };

const unchecked = { results: {}, flips: { up: 0, down: 0 } };

/** Dependencies of a director. */
export interface DirectorTools extends RegistryViewTools, ProberTools {
  /**
   * Names of the environments in the balancer's own configuration. When several environments claim one listener or host, these come
   * first, also after a restart, so that an environment created later takes no traffic from them. Default none.
   */
  readonly own?: readonly string[];
  /** Servers with their counts, which say whether a server without health checks still answers. Default none. */
  readonly live?: () => Iterable<LiveServer>;
  /** Credentials for servers that answer TLS with certificates of the registry. Default none: no server is reached over such TLS. */
  readonly hop?: HopCredentialsSource;
  /** Servers that are a part of this process. Default: there are none. */
  readonly embedded?: EmbeddedServers;
  /** Called with the registered servers whenever they may have changed. */
  readonly onMembers?: (members: ReadonlyMap<string, MemberRecord>) => void;
  /** Called when a start waits for servers that do not know the authority of this balancer: they learn of it when they join again. */
  readonly onStrangers?: () => void;
}

/**
 * The control side of a balancer. Combines membership (registry and configuration) with health (checks and ejections) into one table
 * for each environment, and gives the reader each table that has changed. A lease is not the only witness: a server whose lease ended
 * stays in rotation as long as it passes its health checks.
 */
export class Director {
  readonly #tools: DirectorTools;
  readonly #reader: TableReader;
  readonly #registryView: RegistryView;
  readonly #checks: HealthChecks;
  readonly #ejections: Ejections;
  readonly #traffic: TrafficWitness;
  readonly #hops: Hops;
  /** A look at all servers that is spread over turns. */
  #looking: Promise<void> | undefined;
  readonly #published = new Map<string, TableEnvironment>();
  #publishing: Timer | undefined;
  /** A publication that is spread over turns. */
  #underWay: Promise<void> | undefined;
  #stopped = false;
  /** Looks whether a start has what it waits for. */
  #lookAgain: () => void = () => {};

  constructor(tools: DirectorTools, reader: TableReader) {
    this.#tools = tools;
    this.#reader = reader;
    const mayHaveRestarted = (id: string) => this.#registryView.mayHaveRestarted(id);
    this.#registryView = new RegistryView(
      tools,
      () => this.#look(),
      ({ record }) => this.#isServing(record.environment, record.id),
    );
    this.#checks = new HealthChecks({ ...tools, mayHaveRestarted }, () => this.#publishSoon());
    this.#ejections = new Ejections(tools, () => this.#publishSoon());
    this.#traffic = new TrafficWitness(tools.clock);
    this.#hops = new Hops(tools.clock, tools.hop, () => void this.#look());
  }

  /** True once the registry has been read. */
  get known(): boolean {
    return this.#registryView.known;
  }

  /** Resolves once the registry was read, its servers were checked (for at most `firstChecksMs`), and the reader has every table. */
  async start(): Promise<void> {
    await this.#registryView.start();
    // A balancer that accepts requests before it knows a healthy server would have to answer 503.
    await this.#until(() => this.#isEmbeddedReady, embeddedMs);
    await this.#until(() => this.#checks.complete, firstChecksMs);
    await this.#acquaintance();
    this.#publishing?.cancel();
    await this.#underWay;
    this.#publishNow();
    await this.#underWay;
  }

  /** True once the servers that are a part of this process run what is deployed. */
  get #isEmbeddedReady(): boolean {
    const { environments, members } = this.#registryView;
    return [...environments.values()].every(({ name, spec }) => {
      const id = spec.embedded === false ? undefined : (this.#tools.embedded?.idFor(name) ?? '');
      return id === undefined || this.#tools.embedded === undefined || members.get(id)?.record.running !== undefined;
    });
  }

  /** Waits until `isDone`, for at most `mostMs` milliseconds. */
  async #until(isDone: () => boolean, mostMs: number): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((settle) => {
      // setTimeout, not the clock: the clock's timers are unref'ed and would not keep a starting process alive.
      const late = setTimeout(settle, mostMs);
      this.#lookAgain = () => {
        if (!this.#stopped && !isDone()) return;
        clearTimeout(late);
        settle();
      };
    });
  }

  /** Waits for the servers that refuse this balancer, because its authority is a new one: with another key for secrets than before. */
  async #acquaintance(): Promise<void> {
    const environmentOf = ({ record, lost }: MemberRecord) =>
      lost || this.#isUnchecked(record.environment ?? '') ? undefined : this.#registryView.environments.get(record.environment ?? '');
    const strangers = [...this.#registryView.members.values()].flatMap((member) => {
      const environment = environmentOf(member);
      return environment !== undefined && this.#hops.isStrange(member.record, environment) ? member.record.id : [];
    });
    if (strangers.length === 0) return;
    this.#tools.logger.warn(
      { count: strangers.length, servers: strangers.slice(0, maxNamed) },
      'servers do not know the authority of this balancer, which has another key for secrets than before: waiting for them to join again',
    );
    this.#tools.onStrangers?.();
    const isStrange = (id: string) => {
      const member = this.#registryView.members.get(id);
      const environment = member && environmentOf(member);
      if (environment === undefined || this.#checks.status(environment.name, id).health === 'up') return false;
      this.#checks.suspect(environment.name, id);
      return true;
    };
    await this.#until(() => strangers.filter(isStrange).length === 0, acquaintanceMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#registryView.stop();
    this.#hops.stop();
    this.#checks.stop();
    this.#ejections.follow([]);
    this.#publishing?.cancel();
    this.#lookAgain();
  }

  /** Checks a server at once, because an exchange with it failed. */
  suspect(environment: string, id: string): void {
    this.#checks.suspect(environment, id);
    if (this.#traffic.failed(environment, id)) this.#publishSoon();
  }

  /** Decides about an ejection that exchanges request; it holds for all worker processes or for none. */
  report(report: FailureReport): void {
    const table = this.#published.get(report.environment);
    if (table !== undefined) this.#ejections.report(report, table);
  }

  /** Counts of a server's checks and ejections so far. */
  checkCounts(environment: string, id: string): CheckCounts {
    const { results, flips } = this.#checks.counts(environment, id) ?? unchecked;
    return { results, flips, ejections: this.#ejections.counts(environment, id) };
  }

  get sync(): RegistrySync {
    return this.#registryView.sync;
  }

  /** Looks at all servers, one look after the other. */
  #look(): Promise<void> | undefined {
    const looking = this.#looking?.then(() => startNow(this.#membersChanged())) ?? startNow(this.#membersChanged());
    const done = looking?.finally(() => {
      if (this.#looking === done) this.#looking = undefined;
    });
    this.#looking = done;
    return done;
  }

  /** Has exactly the present servers checked and their traffic judged; goes through them in pieces. */
  *#membersChanged(): Pieces<void> {
    this.#tools.onMembers?.(this.#registryView.members);
    this.#tools.embedded?.follow(this.#registryView.environments);
    const all: (Candidate & { environment: string })[] = [];
    const checked: CheckedServer[] = [];
    const { members, environments } = this.#registryView;
    this.#hops.follow(
      environments,
      [...members.values()].map(({ record }) => record),
    );
    const candidates = yield* Candidates.among(members, this.#hops, this.#tools.embedded);
    for (const environment of environments.values()) {
      const { health } = environment.spec;
      const hop = this.#hops.ofMembers(environment.name);
      for (const candidate of yield* candidates.of(environment)) {
        const member = { environment: environment.name, ...candidate };
        all.push(member);
        const way = candidate.hopKey !== undefined && hop && { hop: { key: candidate.hopKey, of: hop } };
        if (health !== 'off' && candidate.willing && !candidate.embedded) checked.push({ ...member, spec: health, ...way });
        yield;
      }
    }
    if (this.#stopped) return;
    yield* this.#checks.follow(checked);
    if (this.#stopped) return;
    const withoutWitness = all.filter(({ environment, willing, lost }) => willing && lost && this.#isUnchecked(environment));
    this.#traffic.follow(withoutWitness, this.#tools.live ?? (() => []));
    this.#ejections.follow(all);
    this.#publishSoon();
  }

  #publishSoon(): void {
    this.#lookAgain();
    this.#publishing ??= this.#tools.clock.after(coalesceMs, () => this.#publishNow());
  }

  #publishNow(): void {
    this.#publishing = undefined;
    if (this.#stopped) return;
    if (this.#underWay !== undefined) {
      void this.#underWay.then(() => this.#publishSoon());
      return;
    }
    this.#underWay = startNow(this.#publish())?.finally(() => {
      this.#underWay = undefined;
    });
  }

  /** Gives the reader each table that has changed; makes them in pieces, one server in each. */
  *#publish(): Pieces<void> {
    for (const name of [...this.#published.keys()]) {
      if (this.#registryView.environments.has(name)) continue;
      this.#published.delete(name);
      this.#reader.remove(name);
    }
    const candidates = yield* Candidates.among(this.#registryView.members, this.#hops, this.#tools.embedded);
    for (const environment of this.#ownFirst()) {
      const entry = yield* this.#entry(environment, candidates);
      const before = this.#published.get(environment.name);
      if (before !== undefined && sameTable(before, entry)) continue;
      // Thousands of servers make each step take a millisecond or more.
      yield;
      this.#logLeases(before, entry);
      if (this.#reader.prepare !== undefined) yield* this.#reader.prepare(entry);
      yield;
      if (this.#stopped) return;
      this.#published.set(environment.name, entry);
      this.#reader.apply(entry);
    }
  }

  /** Logs once for all servers whose leases ended together, and once when every server in rotation has its lease again. */
  #logLeases(before: TableEnvironment | undefined, { name: environment, servers }: TableEnvironment): void {
    const ended = servers.filter(({ leaseEndedAt }) => leaseEndedAt !== undefined);
    const known = new Set(before?.servers.filter(({ leaseEndedAt }) => leaseEndedAt !== undefined).map(({ id }) => id));
    const newly = ended.filter(({ id }) => !known.has(id)).map(({ id }) => id);
    const { logger } = this.#tools;
    if (newly.length > 0)
      logger.warn(
        { environment, count: newly.length, servers: newly.slice(0, maxNamed) },
        'leases ended, but the servers still answer: they stay in rotation until they fail; see their logs for why they do not renew',
      );
    else if (ended.length === 0 && known.size > 0) logger.info({ environment }, 'no server is in rotation without a lease any more');
  }

  #ownFirst(): Environment[] {
    const { own = [] } = this.#tools;
    const environments = [...this.#registryView.environments.values()];
    return [...environments.filter(({ name }) => own.includes(name)), ...environments.filter(({ name }) => !own.includes(name))];
  }

  /** Makes an environment's table. A server that has not changed is the same object as in the table before. */
  *#entry(environment: Environment, candidates: Candidates): Pieces<TableEnvironment> {
    const before = new Map<string, TableServer>();
    for (const server of this.#published.get(environment.name)?.servers ?? []) {
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
    const hop = servers.some(({ hopKey, identity }) => hopKey !== undefined || identity !== undefined) ? this.#hops.credentials : undefined;
    return { name: environment.name, spec: environment.spec, servers, ...(hop && { hop }) };
  }

  /** A server with the judgement of checks, ejections and traffic. */
  #stated({ name, spec }: Environment, candidate: Candidate): TableServer {
    const { id, instance, address, weight, tls, hopKey, refused, proxyProtocol, willing, expected, embedded, lost, leaseEndedAt } =
      candidate;
    const notChecked = spec.health === 'off' || embedded;
    const { health, admitted, reason: downFor, identity } = notChecked ? unjudged : this.#checks.status(name, id);
    // Without checks nothing tells that a server has restarted while it cannot register, so that any start of it is accepted.
    const stated = expected && (identity ?? (notChecked ? { id, environment: name } : expected));
    const ejectedFor = this.#ejections.reason({ environment: name, id, instance, address });
    const answers = spec.health === 'off' && !embedded ? this.#traffic.vouches(name, id) : health === 'up';
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
      const record = this.#registryView.members.get(server.id)?.record;
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

  #isServing(environment: string | undefined, id: string): boolean {
    const table = environment === undefined ? undefined : this.#published.get(environment);
    return table?.servers.some((server) => server.id === id && server.serving && healthOf(server) !== 'down') === true;
  }

  #isUnchecked(environment: string): boolean {
    return this.#registryView.environments.get(environment)?.spec.health === 'off';
  }

  #wellSince(server: TableServer, before: TableServer | undefined): number | undefined {
    if (!server.serving || healthOf(server) !== 'up') return undefined;
    const wellSince = before?.instance === server.instance ? before.wellSince : undefined;
    return wellSince ?? this.#tools.clock.date();
  }
}

function sameTable(one: TableEnvironment, other: TableEnvironment): boolean {
  return (
    one.servers.length === other.servers.length &&
    one.servers.every((server, index) => server === other.servers[index]) &&
    (one.spec === other.spec || isDeepStrictEqual(one.spec, other.spec)) &&
    isDeepStrictEqual(one.hop, other.hop)
  );
}
