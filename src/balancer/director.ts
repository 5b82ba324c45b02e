import { isDeepStrictEqual } from 'node:util';
import type { ProberTools } from '../health/prober.ts';
import type { Timer } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import type { CheckCounts, RegistrySync } from '../model/live.ts';
import { acceptsTraffic } from '../model/server.ts';
import { formatIdentity, type ServerIdentity } from '../model/server-identity.ts';
import { Ejections } from './ejections.ts';
import type { FailureReport } from './feedback.ts';
import { type CheckedServer, type CheckStatus, HealthChecks } from './health-checks.ts';
import { incompleteServers } from './incomplete-servers.ts';
import { type MemberRecord, RegistryView, type RegistryViewTools } from './registry-view.ts';
import { healthOf, type TableEnvironment, type TableReader, type TableServer } from './table.ts';

/** Milliseconds in which several changes are coalesced into one table: a thousand servers that start together must not cause a thousand tables. */
const coalesceMs = 5;

/** Maximum time that a start waits for the first checks of the servers that are already registered, in milliseconds. */
const firstChecksMs = 1000;

const unchecked = { results: {}, flips: { up: 0, down: 0 } };

/** Dependencies of a director. */
export interface DirectorTools extends RegistryViewTools, ProberTools {
  /**
   * Names of the environments in the balancer's own configuration. When several environments claim one listener or host, these come
   * first, also after a restart, so that an environment created later takes no traffic from them. Default none.
   */
  readonly own?: readonly string[];
}

/**
 * The control side of a balancer. Combines membership (registry and configuration) with health (checks and ejections) into one table
 * for each environment, and gives the reader each table that has changed.
 */
export class Director {
  readonly #tools: DirectorTools;
  readonly #reader: TableReader;
  readonly #registryView: RegistryView;
  readonly #checks: HealthChecks;
  readonly #ejections: Ejections;
  readonly #published = new Map<string, TableEnvironment>();
  #publishing: Timer | undefined;
  #checkedOnce: () => void = () => {};

  constructor(tools: DirectorTools, reader: TableReader) {
    this.#tools = tools;
    this.#reader = reader;
    this.#registryView = new RegistryView(tools, () => this.#membersChanged());
    const mayHaveRestarted = (id: string) => this.#registryView.mayHaveRestarted(id);
    this.#checks = new HealthChecks({ ...tools, mayHaveRestarted }, () => this.#publishSoon());
    this.#ejections = new Ejections(tools, () => this.#publishSoon());
  }

  /** True once the registry has been read. */
  get known(): boolean {
    return this.#registryView.known;
  }

  /** Resolves once the registry was read, its servers were checked (for at most `firstChecksMs`), and the reader has every table. */
  async start(): Promise<void> {
    await this.#registryView.start();
    await this.#firstChecks();
    this.#publishing?.cancel();
    this.#publish();
  }

  /** Waits for the first checks: a balancer that accepts requests before it knows a healthy server would have to answer 503. */
  async #firstChecks(): Promise<void> {
    if (this.#checks.complete) return;
    await new Promise<void>((settle) => {
      // setTimeout, not the clock: the clock's timers are unref'ed and would not keep a starting process alive.
      const late = setTimeout(settle, firstChecksMs);
      this.#checkedOnce = () => {
        clearTimeout(late);
        settle();
      };
    });
  }

  stop(): void {
    this.#registryView.stop();
    this.#checks.stop();
    this.#ejections.follow([]);
    this.#publishing?.cancel();
    this.#checkedOnce();
  }

  /** Checks a server at once, because an exchange with it failed. */
  suspect(environment: string, id: string): void {
    this.#checks.suspect(environment, id);
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

  #membersChanged(): void {
    const all: (Candidate & { environment: string })[] = [];
    const checked: CheckedServer[] = [];
    for (const environment of this.#registryView.environments.values()) {
      const { health } = environment.spec;
      for (const candidate of this.#candidates(environment)) {
        const member = { environment: environment.name, ...candidate };
        all.push(member);
        if (health !== 'off' && candidate.willing) checked.push({ ...member, spec: health });
      }
    }
    this.#checks.follow(checked);
    this.#ejections.follow(all);
    this.#publishSoon();
  }

  #publishSoon(): void {
    if (this.#checks.complete) this.#checkedOnce();
    this.#publishing ??= this.#tools.clock.after(coalesceMs, () => this.#publish());
  }

  #publish(): void {
    this.#publishing = undefined;
    for (const name of [...this.#published.keys()]) {
      if (this.#registryView.environments.has(name)) continue;
      this.#published.delete(name);
      this.#reader.remove(name);
    }
    for (const environment of this.#ownFirst()) {
      const entry = this.#entry(environment);
      if (isDeepStrictEqual(entry, this.#published.get(environment.name))) continue;
      this.#published.set(environment.name, entry);
      this.#reader.apply(entry);
    }
  }

  #ownFirst(): Environment[] {
    const { own = [] } = this.#tools;
    const environments = [...this.#registryView.environments.values()];
    return [...environments.filter(({ name }) => own.includes(name)), ...environments.filter(({ name }) => !own.includes(name))];
  }

  #entry(environment: Environment): TableEnvironment {
    const { name, spec } = environment;
    const withoutChecks: CheckStatus = { health: 'up', admitted: true };
    const before = new Map(this.#published.get(name)?.servers.map((server) => [server.id, server]));
    const candidates = this.#candidates(environment).map(({ id, instance, address, weight, willing, expected }): TableServer => {
      const { health, admitted, reason: downFor, identity } = spec.health === 'off' ? withoutChecks : this.#checks.status(name, id);
      // Without checks nothing tells that a server has restarted while the registry is away, so that any start of it is accepted.
      const stated = expected && (identity ?? (spec.health === 'off' ? { id, environment: name } : expected));
      const ejectedFor = this.#ejections.reason({ environment: name, id, instance, address });
      const reason = downFor ?? ejectedFor;
      const server = { id, instance, address, weight, serving: willing && admitted, health, ejected: ejectedFor !== undefined };
      const known = { ...(stated && { identity: formatIdentity(stated) }), ...(reason !== undefined && { reason }) };
      return { ...server, ...known };
    });
    const servers = this.#withoutIncomplete(candidates).map((server) => ({ ...server, ...this.#wellSince(server, before.get(server.id)) }));
    return { name, spec, servers };
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
      const reason = `it serves no revision of ${lacked.slice(0, 3).join(', ')}, which other servers serve`;
      return { ...server, serving: false, incomplete: true, reason: server.reason ?? reason };
    });
  }

  #wellSince(server: TableServer, before: TableServer | undefined): Pick<TableServer, 'wellSince'> {
    if (!server.serving || healthOf(server) !== 'up') return {};
    const wellSince = before?.instance === server.instance ? before.wellSince : undefined;
    return { wellSince: wellSince ?? this.#tools.clock.date() };
  }

  /** The environment's servers, static and registered, by id; a registered server replaces a static one with the same id. */
  #candidates({ name, spec, drained = [] }: Environment): Candidate[] {
    const byId = new Map<string, Candidate>();
    const members = [...this.#registryView.members.values()].filter(({ record }) => record.environment === name);
    // A server that runs the empty snapshot would answer 404 to requests that the others can serve.
    const deployed = members.some(({ record, lost }) => !lost && (record.running?.version ?? 0) > 0);
    for (const { id, address, weight } of spec.servers)
      byId.set(id, { id, instance: '', address, weight, willing: !drained.includes(id), foreign: true, expected: undefined });
    for (const member of members) {
      const { id, instance, address, weight, running, source, identifies } = member.record;
      const empty = deployed && running?.version === 0;
      const expected = identifies && { id, instance, environment: name };
      byId.set(id, { id, instance, address, weight, willing: willing(member) && !empty, foreign: source !== 'join', expected });
    }
    return [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }
}

interface Candidate {
  readonly id: string;
  readonly instance: string;
  readonly address: string;
  readonly weight: number;
  readonly willing: boolean;
  /** The server need not be Sluice's. */
  readonly foreign: boolean;
  /** Identity that the server must state; undefined: it states none. */
  readonly expected: ServerIdentity | undefined;
}

/** True if the server may take new requests. A server registered by plain HTTP never acknowledges a snapshot, so that its checks alone decide. */
function willing({ record, lost }: MemberRecord): boolean {
  return !lost && acceptsTraffic(record) && (record.running !== undefined || record.source === 'http');
}
