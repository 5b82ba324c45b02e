import { Load, type Tally } from '../flow/load.ts';
import { pause } from '../flow/pause.ts';
import type { Owner, SluiceProcess } from '../flow/processes.ts';
import {
  type BalancerUnderTest,
  deployEcho,
  echoProject,
  eventually,
  ownFolder,
  serving,
  startBalancer,
  startGateway,
  startTarget,
  whileAway,
} from '../flow/system.ts';
import { type RedisServer, startRedis } from '../tools/redis.ts';
import { type Sentinels, startSentinels } from '../tools/sentinels.ts';
import { type Relay, startRelay } from './relay.ts';

export interface StageOptions {
  /** `sentinel`: a Redis with a replica and Sentinels. */
  readonly registry: 'redis' | 'sentinel' | 'embedded';
  /** Every change in Redis is on its disk. */
  readonly persistent?: boolean;
  /** Whoever speaks with Redis does so over a relay, which can be cut. */
  readonly relayed?: boolean;
  /** A second environment, `staging`, with a server `s` and a load of its own. */
  readonly staging?: boolean;
  /** Worker processes of the balancer; default: none. */
  readonly workers?: number;
  /** Clients wait while nobody listens: the balancer itself goes away for a while. */
  readonly patient?: boolean;
}

/** Of the load, each with one request at a time. */
export const clients = 16;
const restMs = 10;

/** A whole Sluice under load: balancer, gateways a, b and c, target; with health checks as they are by default. */
export class Stage {
  readonly loads: Load[] = [];
  readonly gateways = new Map<string, SluiceProcess>();
  readonly #owner: Owner;
  readonly #folders = new Map<string, string>();
  readonly #target: { url: string; posts: Map<string, number> };
  readonly redis: RedisServer | undefined;
  readonly relay: Relay | undefined;
  readonly #sentinels: Sentinels | undefined;
  /** Of the registry; without one, the balancer's. */
  readonly #url: string | undefined;
  balancer: BalancerUnderTest;
  readonly #brief: boolean;
  #revision = 1;

  private constructor(parts: {
    owner: Owner;
    balancer: BalancerUnderTest;
    target: Stage['target'];
    redis: RedisServer | undefined;
    relay: Relay | undefined;
    sentinels: Sentinels | undefined;
    url: string | undefined;
    brief: boolean;
  }) {
    this.#owner = parts.owner;
    this.balancer = parts.balancer;
    this.#target = parts.target;
    this.redis = parts.redis;
    this.relay = parts.relay;
    this.#sentinels = parts.sentinels;
    this.#url = parts.url;
    this.#brief = parts.brief;
  }

  static async set(owner: Owner, options: StageOptions, brief: boolean): Promise<Stage> {
    const target = await startTarget(owner);
    const persistent = { persistent: options.persistent ?? false };
    const sentinels = options.registry === 'sentinel' ? await startSentinels(owner) : undefined;
    const redis = sentinels?.master ?? (options.registry === 'redis' ? await startRedis(owner, persistent) : undefined);
    const relay = redis && options.relayed ? await startRelay(owner, redis.port) : undefined;
    const url = sentinels?.url ?? (relay ? `redis://127.0.0.1:${relay.port}` : redis?.url);
    const production = { listen: '127.0.0.1:0', exposeServer: true, ...(brief && { health: { interval: '500ms' } }) };
    const environments = { production, ...(options.staging && { staging: { ...production, listen: '127.0.0.2:0' } }) };
    const balancer = await startBalancer(
      owner,
      { ...(url !== undefined && { registry: { url } }), workers: options.workers ?? 0 },
      environments,
    );
    const stage = new Stage({ owner, balancer, target, redis, relay, sentinels, url, brief });
    for (const environment of Object.keys(environments)) await deployEcho(balancer, target.url, '1', environment);
    await Promise.all(['a', 'b', 'c'].map((id) => stage.startGateway(id)));
    await serving(balancer, ['a', 'b', 'c']);
    stage.loads.push(new Load(balancer.address, '/echo/p', { clients, restMs, patient: options.patient ?? false }));
    if (options.staging) {
      await stage.startGateway('s', 'staging');
      await serving(balancer, ['s'], 'staging');
      stage.loads.push(new Load(balancer.addresses['staging'] as string, '/echo/s', { clients, restMs }));
    }
    await Promise.all(stage.loads.map((load) => load.more(200)));
    return stage;
  }

  get target(): { url: string; posts: Map<string, number> } {
    return this.#target;
  }

  /** The load on `production`. */
  get load(): Load {
    return this.loads[0] as Load;
  }

  /** The load on `staging`. */
  get otherLoad(): Load {
    return this.loads[1] as Load;
  }

  /** Starts the gateway of that id, the first time or again, where it was. */
  async startGateway(id: string, environment = 'production'): Promise<SluiceProcess> {
    const folder = this.#folders.get(id) ?? ownFolder(this.#owner);
    this.#folders.set(id, folder);
    const gateway = await startGateway(this.#owner, id, this.#url ?? this.balancer.control, ['--environment', environment], { folder });
    this.gateways.set(id, gateway);
    return gateway;
  }

  gateway(id: string): SluiceProcess {
    return this.gateways.get(id) as SluiceProcess;
  }

  /** Settles when exactly these servers take requests, each of the newest snapshot; however long registry and environment take to be there. */
  async whole(ids: readonly string[], environment = 'production'): Promise<void> {
    const wanted = () => this.balancer.api('GET', `/v1/environments/${environment}/deployments`).catch(missing);
    let complete = false;
    while (!complete) {
      await eventually(wanted, (answer) => answer !== undefined);
      const servers = await serving(this.balancer, ids, environment);
      const newest = (await wanted()) as { hash: string } | undefined;
      complete = servers.every(({ running }) => running?.hash === newest?.hash);
    }
  }

  /** Settles when a server gets no new requests: as the balancer says. */
  async out(id: string): Promise<void> {
    await eventually(
      () => this.balancer.api('GET', `/v1/servers/${id}`) as Promise<{ state: string; health: string }>,
      ({ state, health }) => health === 'down' || health === 'ejected' || state === 'lost' || state === 'draining',
    );
  }

  /** Deploys another revision, however long the registry takes to be there, and settles when every one of these servers runs it. */
  async deployAnother(ids: readonly string[]): Promise<void> {
    const revision = String(++this.#revision);
    const pushed = await eventually(
      () => this.balancer.api('POST', '/v1/projects', echoProject(this.#target.url, revision)).catch(whileAway),
      (answer) => answer !== undefined,
    );
    await eventually(
      () =>
        this.balancer
          .api('PUT', '/v1/environments/production/deployments/echo', { revision: (pushed as { revision: number }).revision })
          .catch(missing),
      (answer) => answer !== undefined,
    );
    await this.whole(ids);
    await this.load.until(({ revisions }) => revisions.has(revision));
  }

  /** What is deployed to `production`, for example `echo@1`. */
  async deployments(): Promise<string> {
    const answer = await eventually(
      () => this.balancer.api('GET', '/v1/environments/production/deployments').catch(missing),
      (answer) => answer !== undefined,
    );
    const { deployments } = answer as { deployments: { project: string; revision: number }[] };
    return deployments.map(({ project, revision }) => `${project}@${revision}`).join(' ');
  }

  /** Settles once the replica, if there is one, has what its master has. */
  async replicated(): Promise<void> {
    await this.#sentinels?.replicated();
  }

  /** So many times; in brief, a few. */
  times(many: number): number {
    return this.#brief ? Math.ceil(many / 3) : many;
  }

  /** Lets the load go on for so long, in milliseconds; in brief, for a fifth of that. */
  async hold(ms: number): Promise<void> {
    await pause(this.#brief ? ms / 5 : ms);
  }

  /** Ends the load; the sum of what was seen. */
  async end(): Promise<Tally & { duplicated: number }> {
    const tallies = await Promise.all(this.loads.map((load) => load.stop()));
    const [first, ...others] = tallies as [Tally, ...Tally[]];
    for (const other of others) {
      first.sent += other.sent;
      first.right += other.right;
      first.late += other.late;
      first.wrong.push(...other.wrong);
      first.longestGapMs = Math.max(first.longestGapMs, other.longestGapMs);
    }
    return { ...first, duplicated: [...this.#target.posts.values()].filter((count) => count > 1).length };
  }
}

/** The environment may not be there again yet. */
function missing(error: Error): undefined {
  if (!/: 404 /.test(error.message)) return whileAway(error);
}
