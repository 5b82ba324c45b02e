import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock, Random } from '../model/clock.ts';
import { noEnvironmentCounts } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { LiveEnvironment, LiveServer } from '../model/live.ts';
import type { Pieces } from '../model/pieces.ts';
import { sameFields } from '../model/same-fields.ts';
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
import { LiveMember, type MemberTerms } from './live-member.ts';
import { type RequestKey, requestKey } from './request-key.ts';
import { Rotation, type RotationPlan } from './rotation.ts';
import { Sticky } from './sticky.ts';
import { StickyTokens } from './sticky-tokens.ts';
import type { TableEnvironment, TableServer } from './table.ts';
import { tableChanges } from './table-changes.ts';

/** Milliseconds between two log lines about a shortage. */
const quietMs = 60_000;

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
  readonly #rotation: Rotation;
  readonly #homes: Homes;
  readonly #key: { on: string; of: RequestKey };
  #environment: TableEnvironment;
  #hop: MemberHop | undefined;
  #terms: MemberTerms | undefined;
  /** Made by {@link prepare}. */
  #prepared: Prepared | undefined;
  #sticky: ServerTies | undefined;
  #shortageLoggedAt = Number.NEGATIVE_INFINITY;

  constructor(environment: TableEnvironment, tools: ServerPoolTools) {
    this.#tools = tools;
    this.#environment = { ...environment, servers: [] };
    this.#rotation = new Rotation(this.#members, tools);
    this.#homes = new Homes(() => tools.clock.now(), this.#rotation);
    this.#key = { on: environment.spec.hash.on, of: requestKey(environment.spec.hash.on) };
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
    return this.#rotation.pick(key, tried);
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
    const member = this.#members.get(upstream.id);
    // An upstream that is out of rotation says nothing about the present one.
    if (member === undefined || member.upstream !== upstream) return;
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
    const terms = this.#termsOf(environment.spec);
    const sticky = this.#stickyOf(environment);
    const members = new Map<string, LiveMember>();
    for (const server of environment.servers) {
      const member = this.#members.get(server.id);
      if (member !== undefined) member.prepare(server, hop, terms);
      else if (!server.embedded) members.set(server.id, new LiveMember(server, hop, terms));
      sticky?.tokens.add(server.id);
      yield;
    }
    this.#prepared = { environment, hop, terms, sticky, members, plan: yield* this.#rotation.plan(environment) };
  }

  /** Takes a new table, in one step. Counts and exchanges in flight are kept. What has not changed costs next to nothing. */
  apply(environment: TableEnvironment): void {
    const { servers } = this.#environment;
    const prepared = this.#prepared?.environment === environment ? this.#prepared : undefined;
    this.#prepared = undefined;
    const hop = prepared ? prepared.hop : memberHop(environment.name, environment.hop, this.#hop);
    const terms = prepared?.terms ?? this.#termsOf(environment.spec);
    const { changed, left } = tableChanges(servers, environment.servers);
    const touched = hop === this.#hop && terms === this.#terms ? changed : environment.servers;
    const sticky = prepared ? prepared.sticky : this.#stickyOf(environment);
    this.#environment = environment;
    this.#hop = hop;
    this.#terms = terms;
    const { on } = environment.spec.hash;
    if (on !== this.#key.on) Object.assign(this.#key, { on, of: requestKey(on) });
    this.secureFields = hstsFields(environment.spec.tls?.hsts ?? 0);
    const wentDown = changed.filter(({ id, health }) => health === 'down' && this.#members.get(id)?.server.health === 'up');
    for (const id of left) {
      this.#members.get(id)?.retire();
      this.#members.delete(id);
    }
    for (const server of touched) {
      const member = this.#members.get(server.id);
      if (member) member.update(server, hop, terms);
      else this.#members.set(server.id, prepared?.members.get(server.id) ?? new LiveMember(server, hop, terms));
    }
    if (sticky !== this.#sticky || changed.length + left.length > 0) sticky?.tokens.follow(this.#members);
    this.#sticky = sticky;
    this.#rotation.renew(environment, prepared?.plan);
    this.#homes.follow();
    for (const { id } of wentDown) this.#members.get(id)?.upstream?.doubt();
  }

  #termsOf({ balance, hop, limits, timeouts }: EnvironmentSpec): MemberTerms {
    const terms = {
      connectionsPerServer: limits.connectionsPerServer,
      idleMs: timeouts.upstreamIdle,
      ageMs: timeouts.upstreamAge,
      linked: hop === 'auto',
      timed: balance === 'ewma',
      pools: this.#tools.embedded,
      onLinkFault: this.#onLinkFault,
    };
    return this.#terms !== undefined && sameFields(terms, this.#terms) ? this.#terms : terms;
  }

  /** Ties by the settings of a table: the present ones if these have not changed. Tokens do not depend on settings. */
  #stickyOf({ name, spec: { sticky: spec } }: TableEnvironment): ServerTies | undefined {
    if (spec.cookie === '') return undefined;
    const before = this.#sticky;
    if (before !== undefined && isDeepStrictEqual(spec, before.spec)) return before;
    const tokens = before?.tokens ?? new StickyTokens(name);
    return { spec, tokens, ties: new Sticky(spec, tokens, this.#rotation) };
  }

  /** Retires every server and stops the timer, because the environment was removed. */
  close(): void {
    this.apply({ ...this.#environment, servers: [] });
    this.#rotation.stop();
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
      panicking: this.#rotation.panicking ? 1 : 0,
    };
  }

  *servers(): Generator<LiveServer> {
    for (const member of this.#members.values()) yield member.live(this.#environment.name);
  }

  serverNamed(id: string): LiveServer | undefined {
    return this.#members.get(id)?.live(this.#environment.name);
  }

  readonly #onLinkFault = (server: string, reason: string): void => {
    const about = { environment: this.#environment.name, server, reason };
    this.#tools.logger.error(about, 'a server broke the rules of the link with this balancer: it is closed, and another one is opened');
  };

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
}

/** Made beforehand for a table. */
interface Prepared {
  readonly environment: TableEnvironment;
  readonly hop: MemberHop | undefined;
  readonly terms: MemberTerms;
  readonly sticky: ServerTies | undefined;
  /** New members by id. */
  readonly members: ReadonlyMap<string, LiveMember>;
  readonly plan: RotationPlan | undefined;
}

/** Ties of clients to servers, by the settings of sticky cookies. */
interface ServerTies {
  readonly spec: EnvironmentSpec['sticky'];
  readonly tokens: StickyTokens;
  readonly ties: Sticky;
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
