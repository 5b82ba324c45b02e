import type { Logger } from 'pino';
import type { Picker } from '../balance/contract.ts';
import { pickers } from '../balance/index.ts';
import { PeakEwma } from '../balance/peak-ewma.ts';
import { mayEject } from '../health/ejection.ts';
import { panics } from '../health/panic.ts';
import { slowStartShare } from '../health/slow-start.ts';
import type { Clock, Random, Timer } from '../model/clock.ts';
import type { LiveServer } from '../model/live.ts';
import type { Exchange, Outcome, Route, RouteSettings } from '../proxy/contract.ts';
import { RetryBudget } from '../proxy/retry.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { LiveMember } from './member.ts';
import { type RequestKey, requestKey } from './request-key.ts';
import { Sticky } from './sticky.ts';
import type { Suspect, TableEnvironment } from './table.ts';

/** Steps in which a slowly starting server gets its weight. */
const slowStartSteps = 20;
/** Milliseconds between two of them, at least. */
const shortestStepMs = 100;

export interface PoolTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly suspect: Suspect;
}

/** The live servers of one environment, and who of them is next. */
export class Pool implements Route {
  readonly budget = new RetryBudget();
  readonly #tools: PoolTools;
  readonly #members = new Map<string, LiveMember>();
  readonly #memberOf = new Map<Upstream, LiveMember>();
  readonly #key: { on: string; of: RequestKey };
  #environment: TableEnvironment;
  #picker: Picker<Upstream>;
  readonly #now = () => this.#tools.clock.now();
  #sticky: { readonly cookie: string; readonly ties: Sticky } | undefined;
  #panicking = false;
  #timer: Timer | undefined;

  constructor(environment: TableEnvironment, tools: PoolTools) {
    this.#tools = tools;
    this.#environment = environment;
    this.#key = { on: environment.spec.hash.on, of: requestKey(environment.spec.hash.on) };
    this.#picker = pickers['round-robin']([], tools.random);
    this.apply(environment);
  }

  get settings(): RouteSettings {
    return this.#environment.spec;
  }

  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    const key = this.#environment.spec.balance === 'hash' ? this.#key.of(exchange) : 0;
    return this.#sticky?.ties.pick(exchange, tried) ?? this.#picker.pick(key, tried);
  }

  respond(exchange: Exchange, upstream: Upstream): void {
    this.#sticky?.ties.tie(exchange, upstream);
  }

  observe(upstream: Upstream, outcome: Outcome): void {
    if (outcome.kind === 'aborted') return;
    const member = this.#memberOf.get(upstream);
    if (member === undefined) return;
    if (outcome.kind === 'answered' && outcome.status < 500) {
      member.ejection.succeeded();
      upstream.latency?.observe(outcome.headMs, this.#tools.clock.now());
      return;
    }
    // An error page says that the server is there; no answer says that it may not be.
    if (outcome.kind !== 'answered') this.#tools.suspect(this.#environment.name, upstream.id);
    if (member.ejection.failed(this.#environment.spec.outlier, this.#tools.clock.now())) this.#eject(member, outcome);
  }

  /** Takes over a new table. Counters, ejections and what is in flight go on. */
  apply(environment: TableEnvironment): void {
    this.#environment = environment;
    const { on } = environment.spec.hash;
    if (on !== this.#key.on) Object.assign(this.#key, { on, of: requestKey(on) });
    const { cookie } = environment.spec.sticky;
    if (cookie !== (this.#sticky?.cookie ?? ''))
      this.#sticky = cookie === '' ? undefined : { cookie, ties: new Sticky(cookie, environment.name) };
    const fallen = environment.servers.filter(({ id, health }) => health === 'down' && this.#members.get(id)?.server.health === 'up');
    const present = new Set(environment.servers.map((server) => server.id));
    for (const [id, member] of this.#members) {
      if (present.has(id)) continue;
      member.retire();
      this.#members.delete(id);
    }
    for (const server of environment.servers) {
      const member = this.#members.get(server.id);
      if (member) member.adopt(server);
      else this.#members.set(server.id, new LiveMember(server));
    }
    this.#rebuild();
    for (const { id } of fallen) this.#members.get(id)?.upstream?.doubt();
  }

  /** The environment is gone: nobody gets anything new. */
  close(): void {
    this.apply({ ...this.#environment, servers: [] });
    this.#timer?.cancel();
  }

  servers(): LiveServer[] {
    const now = this.#tools.clock.now();
    return [...this.#members.values()].map((member) => member.live(this.#environment.name, now));
  }

  #eject(member: LiveMember, outcome: Outcome): void {
    const now = this.#tools.clock.now();
    const { name, spec } = this.#environment;
    const serving = [...this.#members.values()].filter((other) => other.server.serving);
    const ejected = serving.filter((other) => other.ejection.ejected(now)).length;
    if (!mayEject(ejected, serving.length, spec.outlier.maxEjectedPercent)) return;
    const lastsMs = member.ejection.eject(spec.outlier, now);
    const reason =
      outcome.kind === 'answered' ? `status ${outcome.status}` : `${outcome.kind}: ${'reason' in outcome ? outcome.reason : ''}`;
    this.#tools.logger.warn({ environment: name, server: member.server.id, lastsMs, reason }, 'server ejected: too many failures in a row');
    this.#rebuild();
  }

  /** A picker for whoever is to get traffic now, and a date to look again if time alone will change that. */
  #rebuild(): void {
    const now = this.#tools.clock.now();
    const { spec, name } = this.#environment;
    const serving = [...this.#members.values()].filter((member) => member.upstream !== undefined);
    for (const member of this.#members.values()) {
      const isWell = member.upstream !== undefined && member.server.health === 'up' && !member.ejection.ejected(now);
      if (isWell) member.wellSince ??= now;
      else member.wellSince = undefined;
    }
    const well = serving.filter((member) => member.wellSince !== undefined);
    const panicking = panics(well.length, serving.length, spec.panicThreshold);
    if (panicking !== this.#panicking) {
      this.#panicking = panicking;
      const about = { environment: name, healthy: well.length, servers: serving.length };
      if (panicking) this.#tools.logger.warn(about, 'too few healthy servers: health is ignored');
      else this.#tools.logger.info(about, 'enough healthy servers again');
    }
    this.#memberOf.clear();
    for (const member of serving) this.#prepare(member, now);
    const chosen = (panicking ? serving : well).map((member) => member.upstream as Upstream);
    this.#picker = pickers[spec.balance](chosen, this.#tools.random, this.#now);
    this.#sticky?.ties.follow(chosen);
    this.#lookAgain(serving, now);
  }

  #prepare(member: LiveMember, now: number): void {
    const upstream = member.upstream as Upstream;
    const { spec } = this.#environment;
    this.#memberOf.set(upstream, member);
    upstream.watcher = undefined;
    upstream.maxActive = spec.limits.connectionsPerServer;
    upstream.weight =
      member.server.weight * slowStartShare(now - (member.wellSince ?? now), member.wellSince === undefined ? 0 : spec.slowStart);
    if (spec.balance === 'ewma') upstream.latency ??= new PeakEwma();
    else upstream.latency = undefined;
  }

  #lookAgain(serving: readonly LiveMember[], now: number): void {
    const { slowStart } = this.#environment.spec;
    let wait = Number.POSITIVE_INFINITY;
    for (const { ejection, wellSince } of serving) {
      if (ejection.ejected(now)) wait = Math.min(wait, ejection.until - now);
      if (wellSince !== undefined && now - wellSince < slowStart)
        wait = Math.min(wait, Math.max(shortestStepMs, slowStart / slowStartSteps));
    }
    this.#timer?.cancel();
    // One millisecond more, because a timer may fire a fraction of one early.
    if (wait < Number.POSITIVE_INFINITY) this.#timer = this.#tools.clock.after(wait + 1, () => this.#rebuild());
  }
}
