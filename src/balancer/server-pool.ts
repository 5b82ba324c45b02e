import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Picker } from '../balance/contract.ts';
import { pickers } from '../balance/index.ts';
import { PeakEwma } from '../balance/peak-ewma.ts';
import { panics } from '../health/panic.ts';
import { slowStartShare } from '../health/slow-start.ts';
import type { Clock, Random, Timer } from '../model/clock.ts';
import { noEnvironmentCounts } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { LiveEnvironment, LiveServer } from '../model/live.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Exchange, Outcome, Route, RouteSettings } from '../proxy/contract.ts';
import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { RequestQueue } from '../proxy/request-queue.ts';
import { RetryBudget } from '../proxy/retry.ts';
import { shortageMessage } from '../proxy/shortage-message.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { hstsFields } from '../tls/hsts.ts';
import type { EmbeddedPools } from './embedded-servers.ts';
import type { Feedback } from './feedback.ts';
import { Homes } from './homes.ts';
import { type MemberHop, memberHop } from './hop.ts';
import { LiveMember } from './live-member.ts';
import { type RequestKey, requestKey } from './request-key.ts';
import { Sticky } from './sticky.ts';
import { healthOf, type TableEnvironment, type TableServer } from './table.ts';

/** Number of steps in which a server reaches its full weight during slow start. */
const slowStartSteps = 20;
/** Milliseconds between two log lines about a shortage. */
const quietMs = 60_000;
/** Minimum time between two steps, in milliseconds. */
const shortestStepMs = 100;

/** Context of an exchange whose own server, by its sticky cookie, had no room when a server was last picked: the client keeps its cookie. */
const ownServerFull = Symbol('the server of the cookie is full');

export interface ServerPoolTools extends Feedback {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ways to servers of this process. Default: there are none. */
  readonly embedded?: EmbeddedPools | undefined;
}

/** The servers of one environment that take traffic, and the choice of the next one. */
export class ServerPool implements Route {
  readonly budget = new RetryBudget();
  readonly queue = new RequestQueue();
  /** Counts the exchanges of clients with this environment. */
  readonly counter = new ExchangeCounter();
  /** Fields of every response to clients that came over TLS; undefined: none. */
  secureFields: ReturnType<typeof hstsFields>;
  readonly #tools: ServerPoolTools;
  readonly #members = new Map<string, LiveMember>();
  readonly #memberOf = new Map<Upstream, LiveMember>();
  readonly #homes: Homes;
  readonly #key: { on: string; of: RequestKey };
  #environment: TableEnvironment;
  #hop: MemberHop | undefined;
  /** Made by {@link prepare}: new members by id. */
  #prepared:
    | { readonly environment: TableEnvironment; readonly hop: MemberHop | undefined; readonly members: ReadonlyMap<string, LiveMember> }
    | undefined;
  #picker: Picker<Upstream>;
  readonly #now = () => this.#tools.clock.now();
  #sticky: { readonly spec: EnvironmentSpec['sticky']; readonly ties: Sticky } | undefined;
  #panicking = false;
  #shortageLoggedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(environment: TableEnvironment, tools: ServerPoolTools) {
    this.#tools = tools;
    this.#environment = environment;
    this.#homes = new Homes(this.#now);
    this.#key = { on: environment.spec.hash.on, of: requestKey(environment.spec.hash.on) };
    this.#picker = pickers['round-robin']([], tools.random);
    this.apply(environment);
  }

  get settings(): RouteSettings {
    return this.#environment.spec;
  }

  pick(exchange: Exchange, tried: readonly Upstream[], any = false): Upstream | undefined {
    if (this.#sticky !== undefined) {
      const tied = this.#sticky.ties.pick(exchange, tried);
      if (tied !== undefined) return tied;
      exchange.context = this.#sticky.ties.full(exchange, tried) ? ownServerFull : undefined;
      if (exchange.context === ownServerFull && !any && this.#environment.spec.limits.queue > 0) return undefined;
    }
    if (this.#homes.known) {
      const home = this.#homes.pick(exchange, tried);
      if (home !== undefined) return home;
    }
    const key = this.#environment.spec.balance === 'hash' ? this.#key.of(exchange) : 0;
    return this.#picker.pick(key, tried);
  }

  waitsForOne(exchange: Exchange): boolean {
    return exchange.context === ownServerFull;
  }

  respond(exchange: Exchange, upstream: Upstream): void {
    if (exchange.context !== ownServerFull) this.#sticky?.ties.tie(exchange, upstream);
    if (this.secureFields !== undefined && exchange.secure)
      exchange.response.headers.set('Strict-Transport-Security', this.secureFields['strict-transport-security']);
  }

  homed(exchange: Exchange, home: string): void {
    this.#homes.learn(exchange, home);
  }

  observe(upstream: Upstream, outcome: Outcome): void {
    if (outcome.kind === 'aborted') return;
    if (outcome.kind === 'shortage') {
      this.#logShortage(outcome.reason);
      return;
    }
    const member = this.#memberOf.get(upstream);
    if (member === undefined) return;
    if (outcome.kind === 'answered' && outcome.status < 500) {
      member.streak.end();
      upstream.latency?.observe(outcome.headMs, this.#tools.clock.now());
      return;
    }
    // A 5xx response proves that the server is reachable; a failed attempt may mean that it is not.
    if (outcome.kind !== 'answered') this.#tools.suspect(this.#environment.name, upstream.id);
    if (!judges(outcome, member.server)) return;
    if (!member.server.ejected && member.streak.failed(this.#environment.spec.outlier.consecutiveFailures)) this.#report(member, outcome);
  }

  /** Makes in pieces what a new table needs, for {@link apply} with that very table: thousands of servers take tens of milliseconds. Nothing is in use before. */
  *prepare(environment: TableEnvironment): Pieces<void> {
    const hop = memberHop(environment.name, environment.hop, this.#hop);
    const members = new Map<string, LiveMember>();
    this.#prepared = { environment, hop, members };
    for (const server of environment.servers) {
      const member = this.#members.get(server.id);
      if (member !== undefined) member.prepare(server, hop);
      else if (!server.embedded) members.set(server.id, new LiveMember(server, hop, this.#tools.embedded));
      yield;
    }
  }

  /** Takes a new table, in one step. Counts and exchanges in flight are kept. */
  apply(environment: TableEnvironment): void {
    const prepared = this.#prepared?.environment === environment ? this.#prepared : undefined;
    this.#prepared = undefined;
    this.#environment = environment;
    this.#hop = prepared ? prepared.hop : memberHop(environment.name, environment.hop, this.#hop);
    const { on } = environment.spec.hash;
    if (on !== this.#key.on) Object.assign(this.#key, { on, of: requestKey(on) });
    const { sticky, tls } = environment.spec;
    if (sticky.cookie === '') this.#sticky = undefined;
    else if (!isDeepStrictEqual(sticky, this.#sticky?.spec)) this.#sticky = { spec: sticky, ties: new Sticky(sticky, environment.name) };
    this.secureFields = hstsFields(tls?.hsts ?? 0);
    const wentDown = environment.servers.filter(({ id, health }) => health === 'down' && this.#members.get(id)?.server.health === 'up');
    const present = new Set(environment.servers.map((server) => server.id));
    for (const [id, member] of this.#members) {
      if (present.has(id)) continue;
      member.retire();
      this.#members.delete(id);
    }
    for (const server of environment.servers) {
      const member = this.#members.get(server.id);
      if (member) member.update(server, this.#hop);
      else this.#members.set(server.id, prepared?.members.get(server.id) ?? new LiveMember(server, this.#hop, this.#tools.embedded));
    }
    this.#rebuild();
    for (const { id } of wentDown) this.#members.get(id)?.upstream?.doubt();
  }

  /** Retires every server and stops the timer, because the environment was removed. */
  close(): void {
    this.apply({ ...this.#environment, servers: [] });
    this.#timer?.cancel();
  }

  /** Counts and gauges of the environment as a whole. */
  live(): LiveEnvironment {
    return {
      ...noEnvironmentCounts,
      ...this.counter.counts,
      ...this.budget.counts,
      ...this.queue.counts,
      name: this.#environment.name,
      waiting: this.queue.length,
      panicking: this.#panicking ? 1 : 0,
    };
  }

  *servers(): Generator<LiveServer> {
    for (const member of this.#members.values()) yield member.live(this.#environment.name);
  }

  serverNamed(id: string): LiveServer | undefined {
    return this.#members.get(id)?.live(this.#environment.name);
  }

  #logLinkFault(server: string, reason: string): void {
    const about = { environment: this.#environment.name, server, reason };
    this.#tools.logger.error(about, 'a server broke the rules of the link with this balancer: it is closed, and another one is opened');
  }

  #logShortage(reason: string): void {
    const now = this.#tools.clock.now();
    if (now - this.#shortageLoggedAt < quietMs) return;
    this.#shortageLoggedAt = now;
    this.#tools.logger.error({ environment: this.#environment.name, reason }, shortageMessage('servers'));
  }

  #report({ server: { id, instance, address } }: LiveMember, outcome: Exclude<Outcome, { kind: 'aborted' | 'shortage' }>): void {
    const reason =
      outcome.kind === 'answered' ? `status ${outcome.status}` : `${outcome.kind}: ${'reason' in outcome ? outcome.reason : ''}`;
    const failure = outcome.kind === 'answered' ? 'status' : outcome.kind;
    this.#tools.report({ environment: this.#environment.name, id, instance, address, failure, reason });
  }

  /** Makes a picker for the servers that take traffic now, and sets a timer while slow start changes their weights. */
  #rebuild(): void {
    const now = this.#tools.clock.now();
    const { spec, name } = this.#environment;
    const serving = [...this.#members.values()].filter((member) => member.upstream !== undefined);
    for (const member of this.#members.values()) {
      const isHealthy = member.upstream !== undefined && healthOf(member.server) === 'up';
      // The table says since when: a worker that has just started must not put every server into slow start.
      if (isHealthy) member.wellSince ??= now - this.#age(member.server.wellSince);
      else member.wellSince = undefined;
    }
    const healthy = serving.filter((member) => member.wellSince !== undefined);
    const panicking = panics(healthy.length, serving.length, spec.panicThreshold);
    if (panicking !== this.#panicking) {
      this.#panicking = panicking;
      const about = { environment: name, healthy: healthy.length, servers: serving.length };
      if (panicking) this.#tools.logger.warn(about, 'too few healthy servers: health is ignored');
      else this.#tools.logger.info(about, 'enough healthy servers again');
    }
    this.#memberOf.clear();
    for (const member of serving) this.#prepare(member, now);
    const chosen = (panicking ? serving : healthy).map((member) => member.upstream as Upstream);
    this.#picker = pickers[spec.balance](chosen, this.#tools.random, this.#now);
    this.#sticky?.ties.follow(chosen);
    this.#homes.follow(chosen);
    this.#scheduleNextStep(serving, now);
  }

  #prepare(member: LiveMember, now: number): void {
    const upstream = member.upstream as Upstream;
    const { spec } = this.#environment;
    this.#memberOf.set(upstream, member);
    upstream.watcher = undefined;
    upstream.maxActive = spec.limits.connectionsPerServer;
    // A connection that was introduced with one client's address is not kept for another client.
    upstream.pool.idleMs = upstream.proxyProtocol === undefined ? spec.timeouts.upstreamIdle : 0;
    upstream.pool.ageMs = spec.timeouts.upstreamAge;
    if (spec.hop === 'auto') upstream.share((reason) => this.#logLinkFault(member.server.id, reason));
    else upstream.unshare();
    upstream.weight =
      member.server.weight * slowStartShare(now - (member.wellSince ?? now), member.wellSince === undefined ? 0 : spec.slowStart);
    if (spec.balance === 'ewma') upstream.latency ??= new PeakEwma();
    else upstream.latency = undefined;
  }

  #scheduleNextStep(serving: readonly LiveMember[], now: number): void {
    const { slowStart } = this.#environment.spec;
    let wait = Number.POSITIVE_INFINITY;
    for (const { wellSince } of serving) {
      if (wellSince !== undefined && now - wellSince < slowStart)
        wait = Math.min(wait, Math.max(shortestStepMs, slowStart / slowStartSteps));
    }
    this.#timer?.cancel();
    if (wait < Number.POSITIVE_INFINITY) this.#timer = this.#tools.clock.after(wait, () => this.#rebuild());
  }

  /** Milliseconds since a date, at least 0: the machine's wall clock may have been set back since. */
  #age(date: number | undefined): number {
    return date === undefined ? 0 : Math.max(0, this.#tools.clock.date() - date);
  }
}

/**
 * True if a failure counts towards the server's ejection. An application may be silent, and what a gateway server passes on from a
 * target, or breaks off with it, is not its own failure: only health checks judge it then.
 */
function judges(outcome: Outcome, { identity }: TableServer): boolean {
  const isGateway = identity !== undefined;
  switch (outcome.kind) {
    case 'answered':
      return outcome.blame === undefined;
    case 'connect-failed':
    case 'connect-timeout':
      return true;
    case 'reset':
    case 'bad-response':
    case 'truncated':
      return !isGateway && outcome.silent !== true;
    case 'head-timeout':
    case 'aborted':
    case 'shortage':
      return false;
    default:
      return outcome satisfies never;
  }
}
