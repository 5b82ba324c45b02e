import type { Picker } from '../balance/contract.ts';
import { hashPlanned, planSlots, type SlotPlan, sameOwners } from '../balance/hash.ts';
import { pickers } from '../balance/index.ts';
import { panics } from '../health/panic.ts';
import { slowStartShare, slowStartSteps } from '../health/slow-start.ts';
import type { Clock, Random, Timer } from '../model/clock.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { Log } from '../model/log.ts';
import { atOnce, inTurns, type Pieces } from '../model/pieces.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Choice } from './choice.ts';
import type { LiveMember } from './live-member.ts';
import { healthOf, type TableEnvironment, type TableServer } from './table.ts';

/** Minimum time between two steps of a slow start, in milliseconds. */
const shortestStepMs = 100;

/** Found out beforehand for a table. */
export interface RotationPlan extends SlotPlan {
  /** Time of the clock for which weights were calculated. */
  readonly at: number;
}

/**
 * The members of one environment that may be picked now, by their health, with the weights of their slow starts, and the picker for them. The picker stays
 * while the same members with the same weights may be picked: one that has changed otherwise costs next to nothing.
 */
export class Rotation implements Choice {
  weighted = 0;
  readonly #tools: { readonly clock: Clock; readonly random: Random; readonly logger: Log };
  readonly #members: ReadonlyMap<string, LiveMember>;
  readonly #now = () => this.#tools.clock.now();
  #balance: EnvironmentSpec['balance'] | undefined;
  #chosen: readonly Upstream[] = [];
  /** Slots of the present picker, if it has any. */
  #slots: SlotPlan | undefined;
  #picker: Picker<Upstream>;
  #panicking = false;
  #timer: Timer | undefined;
  #renewals = 0;

  constructor(members: ReadonlyMap<string, LiveMember>, tools: { readonly clock: Clock; readonly random: Random; readonly logger: Log }) {
    this.#members = members;
    this.#tools = tools;
    this.#picker = pickers['round-robin']([], tools.random);
  }

  /** True while so few members are healthy that health is ignored. */
  get panicking(): boolean {
    return this.#panicking;
  }

  pick(key: number, tried: readonly Upstream[]): Upstream | undefined {
    return this.#picker.pick(key, tried);
  }

  find(id: string): Upstream | undefined {
    const member = this.#members.get(id);
    return member !== undefined && (this.#panicking || member.wellSince !== undefined) ? member.upstream : undefined;
  }

  /** Finds out in pieces what takes longest in {@link renew} after this table was applied to the members; undefined: nothing does. */
  *plan({ spec, servers }: TableEnvironment): Pieces<RotationPlan | undefined> {
    if (spec.balance !== 'hash') return undefined;
    const at = this.#now();
    const next = new Map(servers.map((server) => [server.id, server]));
    yield;
    const inOrder = [...this.#members.keys()].flatMap((id) => next.get(id) ?? []);
    for (const server of servers) if (!this.#members.has(server.id)) inOrder.push(server);
    const serving = inOrder.filter((server) => server.serving);
    yield;
    const healthy = serving.filter((server) => healthOf(server) === 'up');
    const chosen = panics(healthy.length, serving.length, spec.panicThreshold) ? serving : healthy;
    const weighed = chosen.map((server) => ({ id: server.id, weight: weightOf(server, this.#willBeWellSince(server, at), spec, at) }));
    yield;
    const owners = weighed.filter(({ weight }) => weight > 0);
    const known = this.#slots;
    return { at, ...(known !== undefined && sameOwners(known.owners, owners) ? known : yield* planSlots(owners)) };
  }

  #willBeWellSince(server: TableServer, now: number): number | undefined {
    if (healthOf(server) !== 'up') return undefined;
    const member = this.#members.get(server.id);
    const known = member?.server.wellSince === server.wellSince ? member?.wellSince : undefined;
    return known ?? now - this.#age(server.wellSince);
  }

  /** Chooses among the members as they are now, and sets a timer while slow start changes their weights. */
  renew(environment: TableEnvironment, plan?: RotationPlan): void {
    this.#renewals++;
    const now = plan?.at ?? this.#now();
    const { spec } = environment;
    const serving: LiveMember[] = [];
    let healthy = 0;
    for (const member of this.#members.values()) {
      const isServing = member.upstream !== undefined;
      if (isServing) serving.push(member);
      if (isServing && healthOf(member.server) === 'up') {
        healthy++;
        // The table says since when: a worker that has just started must not put every server into slow start.
        member.wellSince ??= now - this.#age(member.server.wellSince);
      } else member.wellSince = undefined;
    }
    this.#notePanic(environment.name, healthy, serving.length, spec.panicThreshold);
    const chosen: Upstream[] = [];
    let isSame = spec.balance === this.#balance;
    let isSlow = false;
    this.weighted = 0;
    for (const { upstream, server, wellSince } of serving) {
      if (upstream === undefined) continue;
      const weight = weightOf(server, wellSince, spec, now);
      isSame &&= weight === upstream.weight;
      upstream.weight = weight;
      if (wellSince === undefined && !this.#panicking) continue;
      isSlow ||= wellSince !== undefined && now - wellSince < spec.slowStart;
      isSame &&= upstream === this.#chosen[chosen.length];
      chosen.push(upstream);
      if (weight > 0) this.weighted++;
    }
    if (!isSame || chosen.length !== this.#chosen.length) this.#replacePicker(chosen, spec.balance, plan);
    this.#timer?.cancel();
    if (isSlow)
      this.#timer = this.#tools.clock.after(Math.max(shortestStepMs, spec.slowStart / slowStartSteps), () => this.#step(environment));
  }

  stop(): void {
    this.#renewals++;
    this.#timer?.cancel();
  }

  #notePanic(environment: string, healthy: number, servers: number, threshold: number): void {
    const panicking = panics(healthy, servers, threshold);
    if (panicking === this.#panicking) return;
    this.#panicking = panicking;
    const about = { environment, healthy, servers };
    if (panicking) this.#tools.logger.warn(about, 'too few healthy servers: health is ignored');
    else this.#tools.logger.info(about, 'enough healthy servers again');
  }

  #replacePicker(chosen: readonly Upstream[], balance: EnvironmentSpec['balance'], plan: SlotPlan | undefined): void {
    // The next picker watches those that it needs to; none may notify the former one any more.
    for (const upstream of this.#chosen) upstream.watcher = undefined;
    this.#slots = balance === 'hash' ? this.#slotsOf(chosen, plan) : undefined;
    const make = this.#slots === undefined ? pickers[balance] : hashPlanned(this.#slots);
    this.#picker = make(chosen, this.#tools.random, this.#now);
    this.#chosen = chosen;
    this.#balance = balance;
  }

  #slotsOf(chosen: readonly Upstream[], plan: SlotPlan | undefined): SlotPlan {
    const owners = chosen.filter(({ weight }) => weight > 0);
    const known = [plan, this.#slots].find((one) => one !== undefined && sameOwners(one.owners, owners));
    return known ?? atOnce(planSlots(owners));
  }

  /** Brings the weights of slow starts up to date. */
  #step(environment: TableEnvironment): void {
    if (environment.spec.balance !== 'hash') {
      this.renew(environment);
      return;
    }
    const renewals = this.#renewals;
    void inTurns(this.plan(environment)).then((plan) => {
      if (this.#renewals === renewals) this.renew(environment, plan);
    });
  }

  /** Milliseconds since a date, at least 0: the machine's wall clock may have been set back since. */
  #age(date: number | undefined): number {
    return date === undefined ? 0 : Math.max(0, this.#tools.clock.date() - date);
  }
}

function weightOf({ weight }: TableServer, wellSince: number | undefined, { slowStart }: EnvironmentSpec, now: number): number {
  return wellSince === undefined || slowStart <= 0 ? weight : weight * slowStartShare(now - wellSince, slowStart);
}
