import { Homes } from '../../src/balancer/homes.ts';
import { answerAsk } from '../../src/limits/answer-ask.ts';
import type { LimitState } from '../../src/limits/limit-parts.ts';
import type { LimitSet, LimitSettings } from '../../src/limits/limit-set.ts';
import { holderOf, type LimitAsk, type LimitGrant, type LimitStore, micro } from '../../src/limits/limit-store.ts';
import { Limits } from '../../src/limits/limits.ts';
import type { Clock } from '../../src/model/clock.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeChoice } from '../tools/fake-choice.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { seeded } from '../tools/seeded-random.ts';
import { EventClock, ExactBucket } from './fleet-model.ts';

/** Something that happens to a fleet. `which`: the gateway, counted from the first one that lives. */
export type Mishap =
  | { readonly at: number; readonly kind: 'join' }
  | { readonly at: number; readonly kind: 'leave' | 'die'; readonly which: number }
  | { readonly at: number; readonly kind: 'pause'; readonly which: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'away'; readonly ms: number }
  /** The store goes on with the data that it had so many milliseconds ago; Infinity: with none. */
  | { readonly at: number; readonly kind: 'older'; readonly ms: number };

/** The store: it can be away, and lose what it learned last. */
class FallibleStore implements LimitStore {
  away = false;
  /** Versions of the states, each with the time until which it was the present one. */
  readonly #versions: { readonly until: number; readonly states: ReadonlyMap<string, LimitState> }[] = [];
  readonly #clock: EventClock;
  readonly #random: () => number;
  #states = new Map<string, LimitState>();

  constructor(clock: EventClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  async ask(gateway: string, asks: readonly LimitAsk[]): Promise<readonly LimitGrant[]> {
    await this.#travel();
    const now = Math.floor(this.#clock.now() * 1000);
    this.#versions.push({ until: this.#clock.now(), states: new Map(this.#states) });
    const grants = asks.map((ask) => {
      const { state, grant } = answerAsk(this.#states.get(ask.key), { gateway: holderOf(gateway, ask), ask, now });
      this.#states.set(ask.key, state);
      return grant;
    });
    await this.#travel();
    return grants;
  }

  forget(ms: number): void {
    const then = this.#clock.now() - ms;
    this.#states = new Map(this.#versions.find(({ until }) => until >= then)?.states ?? this.#states);
    if (ms === Number.POSITIVE_INFINITY) this.#states.clear();
  }

  async #travel(): Promise<void> {
    await this.#clock.wait(this.away ? 50 : 0.2 + 0.5 * this.#random());
    if (this.away) throw new SluiceError('unavailable', 'the store does not answer');
  }
}

/** One gateway process: nothing of it runs while it is paused, and never again once it has died. */
class Machine {
  readonly id: string;
  readonly limits: Limits;
  alive = true;
  pausedUntil = 0;
  readonly #clock: EventClock;
  #set: LimitSet | undefined;

  constructor(id: string, { clock, store, random }: { clock: EventClock; store: LimitStore; random: () => number }) {
    this.id = id;
    this.#clock = clock;
    const own: Clock = { now: () => clock.now(), date: () => clock.date(), after: (ms, task) => clock.after(ms, () => this.run(task)) };
    const asked: LimitStore = {
      ask: async (gateway, asks) => {
        const answer = await store.ask(gateway, asks).then(
          (grants) => ({ grants }),
          (error: unknown) => ({ error }),
        );
        await new Promise<void>((resolve) => this.run(resolve));
        if ('error' in answer) throw answer.error;
        return answer.grants;
      },
    };
    this.limits = new Limits({ store: asked, gateway: id, environment: () => 'production', clock: own, random, logger });
  }

  run(task: () => void): void {
    if (!this.alive) return;
    const left = this.pausedUntil - this.#clock.now();
    if (left > 0) this.#clock.after(left, () => this.run(task));
    else task();
  }

  limit(settings: LimitSettings) {
    this.#set ??= this.limits.open('shop', settings);
    return this.#set.of('anna');
  }
}

/**
 * Sends requests of `callers` credentials at random times through a balancer to gateways to which things happen.
 * @returns most tokens by which a span of time had more than burst and rate
 */
export async function overIn(options: {
  settings: LimitSettings;
  limit: number;
  burst: number;
  load: number;
  callers: number;
  gateways: number;
  seconds: number;
  seed: number;
  mishaps: readonly Mishap[];
}): Promise<{ over: number; allowed: number }> {
  const { settings, limit, burst, load, callers, seconds } = options;
  const clock = new EventClock();
  const random = seeded(options.seed);
  const store = new FallibleStore(clock, random);
  const machines: Machine[] = [];
  const choice = new FakeChoice([]);
  const homes = new Homes(() => clock.now(), choice);
  const follow = () => {
    choice.servers = machines.map(({ id }) => ({ id, available: true, weight: 1 }) as Upstream);
    homes.follow();
  };
  let made = 0;
  const join = () => {
    machines.push(new Machine(`g${made++}`, { clock, store, random }));
    follow();
  };
  for (let index = 0; index < options.gateways; index++) join();
  const remove = (which: number): Machine | undefined => {
    if (machines.length < 2) return undefined;
    const [gone] = machines.splice(which % machines.length, 1);
    follow();
    return gone;
  };
  for (const mishap of options.mishaps)
    clock.after(mishap.at, () => {
      switch (mishap.kind) {
        case 'join':
          join();
          break;
        case 'leave':
          void remove(mishap.which)?.limits.close();
          break;
        case 'die': {
          const gone = remove(mishap.which);
          if (gone !== undefined) gone.alive = false;
          break;
        }
        case 'pause': {
          const paused = machines[mishap.which % machines.length] as Machine;
          paused.pausedUntil = clock.now() + mishap.ms;
          break;
        }
        case 'away':
          store.away = true;
          clock.after(mishap.ms, () => {
            store.away = false;
          });
          break;
        case 'older':
          store.forget(mishap.ms);
          break;
      }
    });

  const exchanges = Array.from({ length: callers }, (_, index) => new FakeExchange('GET', '/', { authorization: `Bearer ${index}` }));
  const through = new ExactBucket(limit, burst);
  let least = 0;
  let allowed = 0;
  const admit = () => {
    allowed++;
    through.advance(clock.now());
    through.level--;
    least = Math.min(least, through.level);
  };
  const arrive = () => {
    const exchange = exchanges[Math.floor(random() * callers)] as FakeExchange;
    const home = homes.known ? homes.pick(exchange, []) : undefined;
    const machine = (machines.find(({ id }) => id === home?.id) ?? machines[Math.floor(random() * machines.length)]) as Machine;
    machine.run(() => {
      const held = machine.limit(settings);
      const answered = (passed: boolean) => {
        if (passed) admit();
        if (held.home === '') return;
        held.homeTold();
        clock.after(5, () => homes.learn(exchange, `header:authorization ${held.home}`));
      };
      const taken = held.take(micro);
      if (typeof taken === 'boolean') answered(taken);
      else void taken.then(answered);
    });
    clock.after((-Math.log(1 - random()) * 1000) / (load * limit), arrive);
  };
  arrive();
  await clock.runUntil(seconds * 1000);
  return { over: -least, allowed };
}
