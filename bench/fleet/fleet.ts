import { Redis } from 'ioredis';
import { eventually } from '../../test/tools/eventually.ts';
import type { Owner } from '../../test/tools/owner.ts';
import { pause } from '../../test/tools/pause.ts';
import { type RedisServer, startRedis } from '../../test/tools/redis.ts';
import { describeMachine } from '../machine.ts';
import { Balancer, environment, joinToken, type ShownServer } from './balancer.ts';
import { GatewayProcesses } from './gateway-processes.ts';
import { changedProject } from './light-registry.ts';
import { Meter } from './meter.ts';
import type { Churn, Deploy, FleetResults, Herd, RegistryKind, Storm } from './results.ts';
import { type Spread, spreadOf } from './spread.ts';
import { startEcho, Traffic } from './traffic.ts';

export interface FleetOptions {
  readonly gateways: number;
  /** Number of projects that are deployed; default 1. Deploys change one of them. */
  readonly projects?: number;
  /** All gateways start at the same moment and read everything that is deployed. */
  readonly cold?: boolean;
  readonly registry: RegistryKind;
  /** Minutes in which gateways join and leave; 0: none. */
  readonly minutes: number;
  /** Seconds in which nothing happens, to measure the cost of an idle fleet. */
  readonly restSeconds: number;
  /** Number of deploys. */
  readonly deploys: number;
  /** Restarts the registry, which must be Redis, so that all gateways reconnect at once. */
  readonly herd: boolean;
  /** Node.js flags of the balancer and of the processes with gateways, such as `--cpu-prof`. */
  readonly flags?: readonly string[];
  readonly progress: (text: string) => void;
}

/** Share of the gateways that is replaced by new ones in a minute. */
const churnPerMinute = 0.1;
const limitMs = 600_000;
/** Gateways that join at the same time if there are many projects. */
const joiningAtOnce = 16;
/** Projects that all gateways together hold at most. */
const mostHeld = 100_000;
const pollMs = 200;

/** Performs the whole run, from the join of the first gateway to the leave of the last. Rejects if the fleet does not reach a wanted state. */
export async function runFleet(owner: Owner, options: FleetOptions): Promise<FleetResults> {
  const { gateways, flags = [] } = options;
  const begun = { date: new Date(), machine: describeMachine() };
  const redis = options.registry === 'redis' ? await startRedis(owner) : undefined;
  const balancer = await Balancer.start(owner, { registryUrl: redis?.url, flags });
  const backend = await startEcho(owner);
  const processes = await GatewayProcesses.start(owner, {
    gateways,
    whole: wholeGateways(options),
    readsAll: options.cold === true,
    flags,
    join: redis?.url ?? balancer.control,
    token: joinToken,
    environment,
  });
  const fleet = new Fleet({ balancer, processes, redis, backend, traffic: new Traffic(owner, balancer.address) }, options);
  return { ...begun, ...(await fleet.run()) };
}

interface Parts {
  readonly balancer: Balancer;
  readonly processes: GatewayProcesses;
  readonly redis: RedisServer | undefined;
  readonly backend: string;
  readonly traffic: Traffic;
}

/** Gateways of one balancer, with the phases of a run. */
class Fleet {
  readonly #parts: Parts;
  readonly #options: FleetOptions;
  readonly #meter: Meter;
  /** Ids of the gateways that are started and not leaving. */
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
    await this.#fill();
    await this.#deploy();
    const before = await this.#meter.memory();
    progress(`${gateways} gateways join…`);
    const storm = await this.#storm();
    progress(`all in rotation after ${storm.inRotation.max.toFixed(0)} ms; requests to each of them…`);
    await this.#checkAll();
    progress(`idle for ${restSeconds} s…`);
    const rest = await this.#rest();
    const after = await this.#meter.memory();
    const deployed: Deploy[] = [];
    for (let count = 0; count < deploys; count++) {
      deployed.push(await this.#deployToAll());
      progress(`deploy ${count + 1}: acknowledged by all after ${deployed.at(-1)?.acknowledged.max.toFixed(0)} ms`);
    }
    if (minutes > 0) progress(`gateways join and leave for ${minutes} min…`);
    const churn = minutes > 0 ? await this.#churn() : undefined;
    if (herd && redis) progress('Redis is restarted…');
    const herded = herd && redis ? await this.#herd(redis) : undefined;
    await this.#checkAll();
    progress('all gateways leave…');
    const leaving = await this.#leaveAll();
    const { sent, failed, faults } = traffic;
    return {
      gateways,
      projects: this.#options.projects ?? 1,
      whole: wholeGateways(this.#options),
      cold: this.#options.cold === true,
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
    const { gateways, projects = 1, cold } = this.#options;
    // With many projects one machine cannot do at once the work that as many machines would share.
    const wave = projects === 1 || cold ? gateways : joiningAtOnce;
    const at = now();
    const ids: string[] = [];
    while (ids.length < gateways) {
      const next = this.#start(Math.min(wave, gateways - ids.length));
      ids.push(...next.ids);
      await this.#acknowledged(next.ids, next.at);
    }
    const acknowledged = await this.#acknowledged(ids, at);
    const inRotation = await this.#inRotation(ids, at);
    return { acknowledged, inRotation, usage: await end() };
  }

  async #rest(): Promise<Awaited<ReturnType<Awaited<ReturnType<Meter['begin']>>>>> {
    const end = await this.#meter.begin();
    await pause(this.#options.restSeconds * 1000);
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

  /** Replaces gateways by new ones, one at a time, under load. */
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
      // The race rejects as soon as the newest gateway fails to join.
      await Promise.race([pause(everyMs), ...joining.slice(-1).map((one) => one.then(() => pause(everyMs)))]);
    }
    const joined = spreadOf((await Promise.all(joining)).map(({ max }) => max));
    const left = spreadOf((await Promise.all(leaving)).map(({ max }) => max));
    const usage = await end();
    await traffic.stop();
    return { minutes, joined, left, usage };
  }

  async #herd(redis: RedisServer): Promise<Herd> {
    const { processes, traffic } = this.#parts;
    const client = new Redis(redis.url);
    await client.save();
    client.disconnect();
    traffic.flow();
    const end = await this.#meter.begin();
    const gone = now();
    await redis.stop();
    processes.mark();
    await redis.start();
    const back = now();
    const { size } = this.#present;
    await processes.until(() => processes.renewed.size === size && processes.resynced.size === size, {
      what: `${size} gateways to reconnect to Redis and renew their leases`,
      seen: () => `${processes.resynced.size} have reconnected, ${processes.renewed.size} have renewed`,
      limitMs,
    });
    await this.#listed();
    const convergedMs = now() - back;
    const usage = await end();
    await traffic.stop();
    const reconnects = [...processes.resynced.values()].map((at) => at - back);
    const tenths = new Map<number, number>();
    for (const time of reconnects) tenths.set(Math.floor(time / 100), (tenths.get(Math.floor(time / 100)) ?? 0) + 1);
    return {
      awayMs: back - gone,
      convergedMs,
      reconnected: spreadOf(reconnects),
      renewed: spreadOf([...processes.renewed.values()].map(({ at }) => at - back)),
      busiest: Math.max(...tenths.values()),
      usage,
    };
  }

  async #leaveAll(): Promise<Spread> {
    const spread = await this.#leave([...this.#present]);
    await this.#listed();
    return spread;
  }

  #start(count: number): { ids: string[]; at: number } {
    const ids = Array.from({ length: count }, () => `gateway-${++this.#started}`);
    for (const id of ids) this.#present.add(id);
    return { ids, at: this.#parts.processes.startGateways(ids) };
  }

  async #leave(ids: readonly string[]): Promise<Spread> {
    const { processes } = this.#parts;
    for (const id of ids) this.#present.delete(id);
    const at = processes.leave(ids);
    const left = () => ids.filter((id) => processes.left.has(id));
    await processes.until(() => left().length === ids.length, {
      what: `${ids.length} gateways to leave`,
      seen: () => `${left().length} have left`,
      limitMs,
    });
    return spreadOf(ids.map((id) => (processes.left.get(id) as number) - at));
  }

  /** Resolves when the registry has the acknowledgement of the newest snapshot from all of these gateways. */
  async #acknowledged(ids: readonly string[], since: number): Promise<Spread> {
    const { processes } = this.#parts;
    const done = () => ids.filter((id) => processes.renewed.get(id)?.version === this.#version);
    await processes.until(() => done().length === ids.length, {
      what: `${ids.length} gateways to acknowledge version ${this.#version}`,
      seen: () => `${done().length} have acknowledged it`,
      limitMs,
    });
    return spreadOf(ids.map((id) => (processes.renewed.get(id)?.at as number) - since));
  }

  async #inRotation(ids: readonly string[], since: number): Promise<Spread> {
    const { balancer } = this.#parts;
    const up = () => ids.filter((id) => balancer.up.has(id));
    await balancer.until(() => up().length === ids.length, {
      what: `${ids.length} gateways to be in rotation`,
      seen: () => `${up().length} are`,
      limitMs,
    });
    return spreadOf(ids.map((id) => (balancer.up.get(id) as number) - since));
  }

  /** Deploys all projects but the one that the deploys change. */
  async #fill(): Promise<void> {
    const { balancer, backend } = this.#parts;
    const others = (this.#options.projects ?? 1) - 1;
    if (others > 0) this.#options.progress(`${others} other projects are deployed…`);
    for (let index = 0; index < others; index++) {
      const name = `project-${index}`;
      await balancer.api('POST', '/v1/projects', { name, basePath: `/${name}`, targets: { default: { url: backend } } });
      await balancer.api('PUT', `/v1/environments/${environment}/deployments/${name}`, {});
    }
  }

  /** Pushes and deploys a new revision of the project. */
  async #deploy(): Promise<void> {
    const { balancer, backend } = this.#parts;
    const version = String(this.#version + 1);
    const policies = { proxyResponse: [{ headers: { set: { 'x-revision': version } } }] };
    await balancer.api('POST', '/v1/projects', {
      name: changedProject,
      version,
      basePath: '/fleet',
      targets: { default: { url: backend } },
      policies,
    });
    const answer = await balancer.api('PUT', `/v1/environments/${environment}/deployments/${changedProject}`, {});
    this.#version = (answer as { version: number }).version;
  }

  /** Checks that the balancer lists exactly the running gateways, each up and with the newest snapshot, and that each gets traffic. */
  async #checkAll(): Promise<void> {
    const { traffic } = this.#parts;
    await this.#listed();
    const reached = await traffic.send(this.#present.size * 2);
    const missed = [...this.#present].filter((id) => !reached.has(id));
    if (missed.length > 0) throw new Error(`${missed.length} gateways got no request, for example ${missed[0]}`);
  }

  #current({ id, state, health, running }: ShownServer): boolean {
    return this.#present.has(id) && state === 'ready' && health === 'up' && running?.version === this.#version;
  }

  /** Resolves when the admin API lists exactly the running gateways, each up and with the newest snapshot. */
  async #listed(): Promise<void> {
    await eventually(
      async () => {
        // Right after Redis was restarted, the balancer may still lack its connection.
        const servers = await this.#parts.balancer.servers().catch(() => []);
        const wrong = servers.filter((server) => !this.#current(server));
        return { listed: servers.length, wrong: wrong.length, example: wrong[0] };
      },
      ({ listed, wrong }) => listed === this.#present.size && wrong === 0,
      { what: `the admin API to list ${this.#present.size} gateways, all of them current`, limitMs, everyMs: pollMs },
    );
  }
}

/** Wall-clock milliseconds with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Number of gateways that hold all projects. */
function wholeGateways({ gateways, projects = 1, cold }: Pick<FleetOptions, 'gateways' | 'projects' | 'cold'>): number {
  // While one compiles thousands of projects, the others in its process would stand still, as on no machine of their own.
  if (cold && projects > 1) return 1;
  return Math.min(gateways, Math.max(1, Math.floor(mostHeld / projects)));
}
