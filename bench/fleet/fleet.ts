import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../test/tools/redis.ts';
import { describeMachine } from '../machine.ts';
import { Balancer, environment, joinToken, type ShownServer } from './balancer.ts';
import { Holders } from './holders.ts';
import { Meter } from './meter.ts';
import type { Churn, Deploy, FleetResults, Herd, RegistryKind, Storm } from './results.ts';
import type { Scope } from './scope.ts';
import { type Spread, spreadOf } from './spread.ts';
import { startEcho, Traffic } from './traffic.ts';

export interface FleetOptions {
  readonly gateways: number;
  readonly registry: RegistryKind;
  /** Of coming and going; 0: none. */
  readonly minutes: number;
  /** For which the fleet is left alone, to see what that costs. */
  readonly restSeconds: number;
  readonly deploys: number;
  /** Whether the registry is killed and started again; only Redis can be. */
  readonly herd: boolean;
  /** For Node.js of the balancer and of the processes with gateways, such as `--cpu-prof`. */
  readonly flags?: readonly string[];
  readonly progress: (text: string) => void;
}

/** Share of the gateways that leaves, and of new ones that join, in a minute. */
const churnPerMinute = 0.1;
const limitMs = 120_000;
const lookAgainMs = 200;

/** The whole run, from nothing to nothing. Rejects if the fleet does not get where it should. */
export async function runFleet(scope: Scope, options: FleetOptions): Promise<FleetResults> {
  const { gateways, flags = [] } = options;
  const begun = { date: new Date(), machine: describeMachine() };
  const redis = options.registry === 'redis' ? await startRedis(scope) : undefined;
  const balancer = await Balancer.start(scope, { registryUrl: redis?.url, flags });
  const backend = await startEcho(scope);
  const holders = await Holders.start(scope, { gateways, flags, join: redis?.url ?? balancer.control, token: joinToken, environment });
  const fleet = new Fleet({ balancer, holders, redis, backend, traffic: new Traffic(scope, balancer.address) }, options);
  return { ...begun, ...(await fleet.run()) };
}

interface Parts {
  readonly balancer: Balancer;
  readonly holders: Holders;
  readonly redis: RedisServer | undefined;
  readonly backend: string;
  readonly traffic: Traffic;
}

/** A balancer's gateways, and what happens to them. */
class Fleet {
  readonly #parts: Parts;
  readonly #options: FleetOptions;
  readonly #meter: Meter;
  /** Ids of those that are to be there. */
  readonly #present = new Set<string>();
  #started = 0;
  #version = 0;

  constructor(parts: Parts, options: FleetOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#meter = new Meter(parts);
  }

  async run(): Promise<Omit<FleetResults, 'date' | 'machine'>> {
    const { gateways, registry, restSeconds, deploys, minutes, herd, progress } = this.#options;
    const { traffic, redis } = this.#parts;
    await this.#deploy();
    const before = await this.#meter.memory();
    progress(`${gateways} gateways join…`);
    const storm = await this.#storm();
    progress(`in rotation after ${storm.inRotation.max.toFixed(0)} ms; one request to each…`);
    await this.#checkAll();
    progress(`${restSeconds} s of rest…`);
    const rest = await this.#rest();
    const after = await this.#meter.memory();
    const deployed: Deploy[] = [];
    for (let count = 0; count < deploys; count++) {
      deployed.push(await this.#deployToAll());
      progress(`deploy ${count + 1}: acknowledged by all after ${deployed.at(-1)?.acknowledged.max.toFixed(0)} ms`);
    }
    if (minutes > 0) progress(`${minutes} min of coming and going…`);
    const churn = minutes > 0 ? await this.#churn() : undefined;
    if (herd && redis) progress('Redis is killed and started again…');
    const herded = herd && redis ? await this.#herd(redis) : undefined;
    await this.#checkAll();
    progress('all leave…');
    const leaving = await this.#leaveAll();
    const { sent, failed, faults } = traffic;
    return {
      gateways,
      registry,
      storm,
      rest,
      memory: { before, after },
      deploys: deployed,
      churn,
      herd: herded,
      leaving,
      traffic: { sent, failed, faults },
    };
  }

  async #storm(): Promise<Storm> {
    const end = await this.#meter.begin();
    const { ids, at } = this.#start(this.#options.gateways);
    const acknowledged = await this.#acknowledged(ids, at);
    const inRotation = await this.#inRotation(ids, at);
    return { acknowledged, inRotation, usage: await end() };
  }

  async #rest(): Promise<Awaited<ReturnType<Awaited<ReturnType<Meter['begin']>>>>> {
    const end = await this.#meter.begin();
    await delay(this.#options.restSeconds * 1000);
    return end();
  }

  async #deployToAll(): Promise<Deploy> {
    const end = await this.#meter.begin();
    const at = now();
    await this.#deploy();
    const answeredMs = now() - at;
    const acknowledged = await this.#acknowledged([...this.#present], at);
    return { answeredMs, acknowledged, usage: await end() };
  }

  /** One leaves and a new one joins, again and again, while requests flow. */
  async #churn(): Promise<Churn> {
    const { gateways, minutes } = this.#options;
    const { traffic } = this.#parts;
    const moves = Math.max(1, Math.round(gateways * churnPerMinute * minutes));
    const everyMs = (minutes * 60_000) / moves;
    const end = await this.#meter.begin();
    const joining: Promise<Spread>[] = [];
    const leaving: Promise<Spread>[] = [];
    traffic.flow();
    for (let count = 0; count < moves; count++) {
      const { ids, at } = this.#start(1);
      joining.push(this.#inRotation(ids, at));
      leaving.push(this.#leave([[...this.#present][0] as string]));
      await Promise.race([delay(everyMs), ...joining.slice(-1).map((one) => one.then(() => delay(everyMs)))]);
    }
    const joined = spreadOf((await Promise.all(joining)).map(({ max }) => max));
    const left = spreadOf((await Promise.all(leaving)).map(({ max }) => max));
    const usage = await end();
    await traffic.stop();
    return { minutes, joined, left, usage };
  }

  async #herd(redis: RedisServer): Promise<Herd> {
    const { holders, traffic } = this.#parts;
    const client = new Redis(redis.url);
    await client.save();
    client.disconnect();
    traffic.flow();
    const end = await this.#meter.begin();
    const gone = now();
    await redis.stop();
    holders.mark();
    await redis.start();
    const back = now();
    const { size } = this.#present;
    const all = () => holders.renewed.size === size && holders.resynced.size === size;
    const progress = () =>
      `of ${size} gateways, ${holders.resynced.size} came back to Redis and ${holders.renewed.size} renewed their leases`;
    await holders.until(all, progress, limitMs);
    await this.#listed((servers) => servers.length === size && servers.every((server) => this.#isWell(server)));
    const convergedMs = now() - back;
    const usage = await end();
    await traffic.stop();
    const reconnects = [...holders.resynced.values()].map((at) => at - back);
    const tenths = new Map<number, number>();
    for (const time of reconnects) tenths.set(Math.floor(time / 100), (tenths.get(Math.floor(time / 100)) ?? 0) + 1);
    return {
      awayMs: back - gone,
      convergedMs,
      reconnected: spreadOf(reconnects),
      renewed: spreadOf([...holders.renewed.values()].map(({ at }) => at - back)),
      busiest: Math.max(...tenths.values()),
      usage,
    };
  }

  async #leaveAll(): Promise<Spread> {
    const spread = await this.#leave([...this.#present]);
    await this.#listed((servers) => servers.length === 0);
    return spread;
  }

  #start(count: number): { ids: string[]; at: number } {
    const ids = Array.from({ length: count }, () => `gateway-${++this.#started}`);
    for (const id of ids) this.#present.add(id);
    return { ids, at: this.#parts.holders.startGateways(ids) };
  }

  async #leave(ids: readonly string[]): Promise<Spread> {
    const { holders } = this.#parts;
    for (const id of ids) this.#present.delete(id);
    const at = holders.leave(ids);
    const left = () => ids.filter((id) => holders.left.has(id));
    await holders.until(
      () => left().length === ids.length,
      () => `only ${left().length} of ${ids.length} gateways left`,
      limitMs,
    );
    return spreadOf(ids.map((id) => (holders.left.get(id) as number) - at));
  }

  /** Until the registry has the word of all of these that they run the present version. */
  async #acknowledged(ids: readonly string[], since: number): Promise<Spread> {
    const { holders } = this.#parts;
    const done = () => ids.filter((id) => holders.renewed.get(id)?.version === this.#version);
    await holders.until(
      () => done().length === ids.length,
      () => `only ${done().length} of ${ids.length} gateways acknowledged version ${this.#version}`,
      limitMs,
    );
    return spreadOf(ids.map((id) => (holders.renewed.get(id)?.at as number) - since));
  }

  async #inRotation(ids: readonly string[], since: number): Promise<Spread> {
    const { balancer } = this.#parts;
    const up = () => ids.filter((id) => balancer.up.has(id));
    await balancer.until(
      () => up().length === ids.length,
      () => `only ${up().length} of ${ids.length} gateways are up`,
      limitMs,
    );
    return spreadOf(ids.map((id) => (balancer.up.get(id) as number) - since));
  }

  /** A new revision of the project, deployed. */
  async #deploy(): Promise<void> {
    const { balancer, backend } = this.#parts;
    const version = String(this.#version + 1);
    const policies = { proxyResponse: [{ headers: { set: { 'x-revision': version } } }] };
    await balancer.api('POST', '/v1/projects', {
      name: 'fleet',
      version,
      basePath: '/fleet',
      targets: { default: { url: backend } },
      policies,
    });
    const answer = await balancer.api('PUT', `/v1/environments/${environment}/deployments/fleet`, {});
    this.#version = (answer as { version: number }).version;
  }

  /** That the balancer knows all and nobody else, each up and with the newest snapshot, and that each gets traffic. */
  async #checkAll(): Promise<void> {
    const { traffic } = this.#parts;
    await this.#listed((servers) => servers.length === this.#present.size && servers.every((server) => this.#isWell(server)));
    const reached = await traffic.send(this.#present.size * 2);
    const missed = [...this.#present].filter((id) => !reached.has(id));
    if (missed.length > 0) throw new Error(`${missed.length} gateways got no request, for example ${missed[0]}`);
  }

  #isWell({ id, state, health, running }: ShownServer): boolean {
    return this.#present.has(id) && state === 'ready' && health === 'up' && running?.version === this.#version;
  }

  /** Settles once what the admin API lists is right; nobody tells when that is. */
  async #listed(right: (servers: readonly ShownServer[]) => boolean): Promise<void> {
    const late = now() + limitMs;
    for (;;) {
      const servers = await this.#parts.balancer.servers();
      if (right(servers)) return;
      const wrong = servers.filter((server) => !this.#isWell(server));
      const example = wrong[0] === undefined ? '' : `, for example ${JSON.stringify(wrong[0])}`;
      const found = `${this.#present.size} gateways are there; the admin API lists ${servers.length}, of which ${wrong.length} should be otherwise${example}`;
      if (now() > late) throw new Error(found);
      await delay(lookAgainMs);
    }
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
