import { Homes } from '../../src/balancer/homes.ts';
import type { HeldLimit } from '../../src/limits/held-limit.ts';
import type { LimitSet, LimitSettings } from '../../src/limits/limit-set.ts';
import type { LimitAsk, LimitGrant, LimitStore } from '../../src/limits/limit-store.ts';
import { Limits } from '../../src/limits/limits.ts';
import { MemoryLimitStore } from '../../src/limits/memory-limit-store.ts';
import type { Clock, Timer } from '../../src/model/clock.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeChoice } from '../tools/fake-choice.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { seeded } from '../tools/seeded-random.ts';

/** A clock that jumps from one event to the next; promises settle between two events. */
export class EventClock implements Clock {
  #now = 0;
  /** A heap by time. */
  readonly #events: { at: number; task: (() => void) | undefined }[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(delayMs: number, task: () => void): Timer {
    const event: { at: number; task: (() => void) | undefined } = { at: this.#now + Math.max(0, delayMs), task };
    const heap = this.#events;
    heap.push(event);
    for (let at = heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1;
      if (of(heap, above).at <= of(heap, at).at) break;
      swap(heap, above, at);
      at = above;
    }
    return {
      cancel() {
        event.task = undefined;
      },
    };
  }

  /** Resolves after `ms` of the clock. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  async runUntil(end: number): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      const next = this.#events[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      this.#now = Math.max(this.#now, next.at);
      next.task?.();
    }
    this.#now = end;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && of(heap, below + 1).at < of(heap, below).at) below++;
      if (of(heap, at).at <= of(heap, below).at) break;
      swap(heap, at, below);
      at = below;
    }
  }
}

function of<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

function swap<T>(list: T[], one: number, other: number): void {
  [list[one], list[other]] = [of(list, other), of(list, one)];
}

/** A token bucket that counts each request at once: the truth that a fleet is compared with. */
export class ExactBucket {
  readonly rate: number;
  readonly burst: number;
  level: number;
  #at = 0;

  constructor(rate: number, burst: number) {
    this.rate = rate;
    this.burst = this.level = burst;
  }

  advance(now: number): void {
    this.level = Math.min(this.burst, this.level + ((now - this.#at) * this.rate) / 1000);
    this.#at = now;
  }

  take(now: number): boolean {
    this.advance(now);
    if (this.level < 1) return false;
    this.level--;
    return true;
  }
}

/** Greatest milliseconds of a call and its answer. */
export const longestTravelMs = 1.4;

/** A store with a way to it: calls take about a millisecond; while it is away they fail, before they reach it or after. */
export class DistantStore implements LimitStore {
  calls = 0;
  /** Probability that a call or its answer is lost. */
  loss = 0;
  away = false;
  readonly behind: MemoryLimitStore;
  readonly #clock: EventClock;
  readonly #random: () => number;

  constructor(clock: EventClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.behind = new MemoryLimitStore(clock);
  }

  async ask(gateway: string, asks: readonly LimitAsk[]): Promise<readonly LimitGrant[]> {
    this.calls++;
    await this.#travel();
    const grants = await this.behind.ask(gateway, asks);
    await this.#travel();
    return grants;
  }

  async #travel(): Promise<void> {
    const lost = this.away || this.#random() < this.loss;
    await this.#clock.wait(lost ? 50 : 0.2 + 0.5 * this.#random());
    if (lost) throw new SluiceError('unavailable', 'the store does not answer');
  }
}

/** Distribution of requests over gateways; `bursts`: even, but 2.8 times as many in one second of three, and a tenth in the others. */
export type Traffic = 'even' | 'zipf' | 'hops' | 'home' | 'bursts';

/** Milliseconds from a request to its response at the balancer. */
const responseMs = 5;

/** Gateways that share one store, and requests of one key that come to them by chance. */
export class Fleet {
  readonly clock = new EventClock();
  readonly random: () => number;
  readonly store: DistantStore;
  readonly gateways: Limits[];
  readonly #sets = new Map<Limits, LimitSet>();

  constructor(count: number, seed = 1) {
    this.random = seeded(seed);
    this.store = new DistantStore(this.clock, this.random);
    this.gateways = Array.from({ length: count }, (_, index) => this.gateway(`g${index}`));
  }

  gateway(id: string): Limits {
    const { store, clock, random } = this;
    return new Limits({ store, gateway: id, environment: () => 'production', clock, random, logger });
  }

  /** The limit of one consumer on a gateway. */
  limit(gateway: number, settings: LimitSettings): HeldLimit {
    const limits = this.gateways[gateway] as Limits;
    let set = this.#sets.get(limits);
    if (set === undefined) {
      set = limits.open('shop', settings);
      this.#sets.set(limits, set);
    }
    return set.of('anna');
  }

  /** Which gateway gets the next request. */
  pick(traffic: Traffic): number {
    const count = this.gateways.length;
    if (traffic === 'home') return 0;
    if (traffic === 'hops') return (Math.floor(this.clock.now() / 2000) * 7) % count;
    if (traffic === 'even' || traffic === 'bursts') return Math.floor(this.random() * count);
    const total = Array.from({ length: count }, (_, index) => 1 / (index + 1)).reduce((sum, one) => sum + one, 0);
    let left = this.random() * total;
    for (let index = 0; index < count; index++) {
      left -= 1 / (index + 1);
      if (left < 0) return index;
    }
    return count - 1;
  }

  /** A balancer in front, which brings requests to the homes that gateways tell. `traffic` says which gateway gets the others. */
  balancer(traffic: Traffic): { pick: (caller: number) => number; answered: (caller: number, limit: HeldLimit) => void } {
    const servers = this.gateways.map((_, index) => ({ id: `g${index}`, available: true, weight: 1 }) as Upstream);
    const homes = new Homes(() => this.clock.now(), new FakeChoice(servers));
    const exchanges = new Map<number, FakeExchange>();
    const exchangeOf = (caller: number) => {
      const known = exchanges.get(caller) ?? new FakeExchange('GET', '/', { authorization: `Bearer ${caller}` });
      exchanges.set(caller, known);
      return known;
    };
    return {
      pick: (caller) => {
        const home = homes.known ? homes.pick(exchangeOf(caller), []) : undefined;
        return home === undefined ? this.pick(traffic) : servers.indexOf(home);
      },
      answered: (caller, limit) => {
        const { home } = limit;
        if (home === '') return;
        limit.homeTold();
        this.clock.after(responseMs, () => homes.learn(exchangeOf(caller), `header:authorization ${home}`));
      },
    };
  }

  /**
   * Sends requests at `load` times the limit for `seconds`, and compares what is let through with an exact bucket, after ten seconds to settle.
   * @param options.callers credentials among which the requests are divided, behind a balancer; default: there is no balancer
   */
  async run(options: {
    settings: LimitSettings;
    limit: number;
    burst?: number;
    load: number;
    traffic: Traffic;
    seconds: number;
    callers?: number;
  }) {
    const { settings, limit, burst = limit, load, traffic, seconds, callers = 0 } = options;
    const balancer = callers > 0 ? this.balancer(traffic) : undefined;
    const { clock, random } = this;
    const exact = new ExactBucket(limit, burst);
    const through = new ExactBucket(limit, burst);
    const figures = { requests: 0, allowed: 0, exact: 0, calls: 0, waited: 0, least: 0 };
    const admit = () => {
      figures.allowed++;
      through.advance(clock.now());
      through.level--;
      figures.least = Math.min(figures.least, through.level);
    };
    let settled = false;
    const arrive = () => {
      if (!settled && clock.now() >= 10_000) {
        settled = true;
        Object.assign(figures, { requests: 0, allowed: 0, exact: 0, waited: 0 });
        this.store.calls = 0;
      }
      figures.requests++;
      if (exact.take(clock.now())) figures.exact++;
      const caller = Math.floor(random() * callers);
      const held = this.limit(balancer === undefined ? this.pick(traffic) : balancer.pick(caller), settings);
      const taken = held.take(1_000_000);
      if (taken instanceof Promise) void taken.then(() => balancer?.answered(caller, held));
      else balancer?.answered(caller, held);
      if (taken === true) admit();
      else if (taken !== false) {
        figures.waited++;
        void taken.then((allowed) => allowed && admit());
      }
      const pace = traffic !== 'bursts' ? 1 : clock.now() % 3000 < 1000 ? 2.8 : 0.1;
      clock.after((-Math.log(1 - random()) * 1000) / (load * limit * pace), arrive);
    };
    arrive();
    await clock.runUntil(seconds * 1000);
    figures.calls = this.store.calls;
    return {
      ...figures,
      under: 1 - figures.allowed / figures.exact,
      perCall: figures.requests / figures.calls,
      /** Most tokens by which a window had more than its burst and its rate. */
      over: -figures.least,
    };
  }
}
