import { isDeepStrictEqual } from 'node:util';
import type { ProberTools } from '../health/prober.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import type { Environment } from '../model/environment.ts';
import type { CheckCounts, LiveServer, RegistrySync } from '../model/live.ts';
import { type Pieces, startNow } from '../model/pieces.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { Ejections } from './ejections.ts';
import type { EmbeddedServers } from './embedded-servers.ts';
import type { FailureReport } from './feedback.ts';
import { type CheckedServer, HealthChecks } from './health-checks.ts';
import { type HopCredentialsSource, Hops } from './hops.ts';
import type { MemberRecord } from './members.ts';
import { type Changes, RegistryView, type RegistryViewTools } from './registry-view.ts';
import { healthOf, type TableEnvironment, type TableReader } from './table.ts';
import { TableMaker } from './table-maker.ts';
import { TrafficWitness, type UncheckedServer } from './traffic-witness.ts';

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
 * for each environment, and gives the reader each table that has changed. What has changed of one environment leaves the servers of all others
 * alone. A lease is not the only witness: a server whose lease ended stays in rotation as long as it passes its health checks.
 */
export class Director {
  readonly #tools: DirectorTools;
  readonly #reader: TableReader;
  readonly #registryView: RegistryView;
  readonly #checks: HealthChecks;
  readonly #ejections: Ejections;
  readonly #traffic: TrafficWitness;
  readonly #hops: Hops;
  /** A look at servers that is spread over turns. */
  #looking: Promise<void> | undefined;
  /** Environments whose servers are checked and judged, with those that only their traffic vouches for. */
  readonly #followed = new Map<string, readonly UncheckedServer[]>();
  /** Environments whose tables may have changed since they were last made. */
  #outdated = new Set<string>();
  readonly #published = new Map<string, TableEnvironment>();
  readonly #publishing: CoalescedTask;
  #started = false;
  #stopped = false;
  /** Looks whether a start has what it waits for. */
  #lookAgain: () => void = () => {};

  constructor(tools: DirectorTools, reader: TableReader) {
    this.#tools = tools;
    this.#reader = reader;
    this.#publishing = new CoalescedTask({
      clock: tools.clock,
      run: async () => startNow(this.#publish()),
      // A storm of changes takes at most half of this process's time. A start does not wait.
      rest: (tookMs) => (this.#started ? tookMs : 0),
    });
    const mayHaveRestarted = (id: string) => this.#registryView.mayHaveRestarted(id);
    this.#registryView = new RegistryView(
      tools,
      (changes) => this.#look(changes),
      ({ record }) => this.#isServing(record.environment, record.id),
    );
    this.#checks = new HealthChecks({ ...tools, mayHaveRestarted }, (environment) => this.#publishSoon(environment));
    this.#ejections = new Ejections(tools, (environment) => this.#publishSoon(environment));
    this.#traffic = new TrafficWitness(tools.clock);
    this.#hops = new Hops(tools.clock, tools.hop, () => void this.#look('all'));
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
    await this.#publishing.now();
    this.#started = true;
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
    // Each look may go through all servers, and nothing waits for it any more.
    this.#lookAgain = () => {};
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
    this.#ejections.stop();
    this.#publishing.stop();
    this.#lookAgain();
  }

  /** Checks a server at once, because an exchange with it failed. */
  suspect(environment: string, id: string): void {
    this.#checks.suspect(environment, id);
    if (this.#traffic.failed(environment, id)) this.#publishSoon(environment);
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

  /** Looks at the servers of changed environments, one look after the other. */
  #look(changes: Changes): Promise<void> | undefined {
    const looking = this.#looking?.then(() => startNow(this.#membersChanged(changes))) ?? startNow(this.#membersChanged(changes));
    const done = looking?.finally(() => {
      if (this.#looking === done) this.#looking = undefined;
    });
    this.#looking = done;
    return done;
  }

  /** Has exactly the present servers checked and their traffic judged; goes through those of changed environments in pieces. */
  *#membersChanged(changes: Changes): Pieces<void> {
    const { members, environments } = this.#registryView;
    this.#tools.onMembers?.(members);
    this.#tools.embedded?.follow(environments);
    this.#hops.follow(environments);
    const names = changes === 'all' ? new Set([...environments.keys(), ...this.#followed.keys()]) : changes;
    for (const name of names) yield* this.#hops.followServers(name, this.#registryView.membersOf(name));
    const candidates = yield* Candidates.among(this.#registryView, this.#hops, this.#tools.embedded);
    for (const name of names) {
      const environment = environments.get(name);
      const all = environment === undefined ? [] : yield* candidates.of(environment);
      const checked = environment === undefined ? [] : yield* this.#checked(environment, all);
      if (this.#stopped) return;
      yield* this.#checks.follow(name, checked);
      this.#ejections.follow(name, all);
      if (environment === undefined) this.#followed.delete(name);
      else this.#followed.set(name, this.#isUnchecked(name) ? witnessless(name, all) : []);
      this.#publishSoon(name);
    }
    if (!this.#stopped) this.#traffic.follow([...this.#followed.values()].flat(), this.#tools.live ?? (() => []));
  }

  /** The servers of an environment that are checked. */
  *#checked({ name, spec: { health } }: Environment, all: readonly Candidate[]): Pieces<CheckedServer[]> {
    if (health === 'off') return [];
    const checked: CheckedServer[] = [];
    const hop = this.#hops.ofMembers(name);
    for (const candidate of all) {
      const way = candidate.hopKey !== undefined && hop && { hop: { key: candidate.hopKey, of: hop } };
      if (candidate.willing && !candidate.embedded) checked.push({ environment: name, ...candidate, spec: health, ...way });
      yield;
    }
    return checked;
  }

  /** Makes the table of an environment anew, together with others whose news comes at about the same time. */
  #publishSoon(environment: string): void {
    this.#outdated.add(environment);
    this.#lookAgain();
    this.#publishing.soon(coalesceMs);
  }

  /** Gives the reader each table that has changed; makes those that may have in pieces, one server in each. */
  *#publish(): Pieces<void> {
    for (const name of [...this.#published.keys()]) {
      if (this.#registryView.environments.has(name)) continue;
      this.#published.delete(name);
      this.#reader.remove(name);
    }
    const outdated = this.#outdated;
    this.#outdated = new Set();
    const candidates = yield* Candidates.among(this.#registryView, this.#hops, this.#tools.embedded);
    const maker = new TableMaker({
      ...{ clock: this.#tools.clock, checks: this.#checks, ejections: this.#ejections, traffic: this.#traffic, hops: this.#hops },
      ...{ members: this.#registryView.members, candidates },
    });
    for (const environment of this.#ownFirst().filter(({ name }) => outdated.has(name))) {
      const before = this.#published.get(environment.name);
      const entry = yield* maker.make(environment, before?.servers);
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

  #isServing(environment: string | undefined, id: string): boolean {
    const table = environment === undefined ? undefined : this.#published.get(environment);
    return table?.servers.some((server) => server.id === id && server.serving && healthOf(server) !== 'down') === true;
  }

  #isUnchecked(environment: string): boolean {
    return this.#registryView.environments.get(environment)?.spec.health === 'off';
  }
}

/** The servers of an environment without checks whose leases have ended. */
function witnessless(environment: string, all: readonly Candidate[]): UncheckedServer[] {
  return all.filter(({ willing, lost }) => willing && lost).map(({ id, instance }) => ({ environment, id, instance }));
}

function sameTable(one: TableEnvironment, other: TableEnvironment): boolean {
  return (
    one.servers.length === other.servers.length &&
    one.servers.every((server, index) => server === other.servers[index]) &&
    (one.spec === other.spec || isDeepStrictEqual(one.spec, other.spec)) &&
    isDeepStrictEqual(one.hop, other.hop)
  );
}
