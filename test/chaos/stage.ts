import { DnsServer } from '../tools/dns-server.ts';
import { deployEcho, type EchoTarget, echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { Load, type LoadCounts } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { pause } from '../tools/pause.ts';
import { type RedisServer, startRedis } from '../tools/redis.ts';
import { type Sentinels, startSentinels } from '../tools/sentinels.ts';
import type { SluiceProcess } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, serving, startBalancer, startGateway, whileAway } from '../tools/sluice-under-test.ts';
import { type Relay, startRelay } from './relay.ts';

export interface StageOptions {
  /** `sentinel`: a Redis with a replica and Sentinels. */
  readonly registry: 'redis' | 'sentinel' | 'embedded';
  /** Redis writes every change to disk before it answers. */
  readonly persistent?: boolean;
  /** All connections to Redis pass a relay, which can be cut. */
  readonly relayed?: boolean;
  /** A second environment, `staging`, with a server `s` and its own load. */
  readonly staging?: boolean;
  /** Worker processes of the balancer; default 0. */
  readonly workers?: number;
  /** Balancer, gateways and target are reached by names, which a DNS server of the stage knows with a TTL of a second. */
  readonly named?: boolean;
  /** Limit of open files of the balancer and each of its workers, or of each gateway; default: that of the machine. */
  readonly balancerDescriptors?: number;
  readonly gatewayDescriptors?: number;
  /** Clients retry while connections are refused, because the scenario restarts the balancer. */
  readonly patient?: boolean;
}

/** Number of clients in a load, each with one request at a time. */
export const clients = 16;
/** Pause of a client after each answer, in milliseconds. In brief, several stages run side by side. */
const restOf = { full: 10, brief: 20 } as const;

/** A whole Sluice under load: balancer, gateways a, b and c, and a target. Health checks are as by default. */
export class Stage {
  readonly loads: Load[] = [];
  readonly gateways = new Map<string, SluiceProcess>();
  balancer: BalancerUnderTest;
  readonly #owner: Owner;
  readonly #folders = new Map<string, string>();
  readonly #target: EchoTarget;
  readonly #redis: RedisServer | undefined;
  readonly #relay: Relay | undefined;
  readonly #sentinels: Sentinels | undefined;
  readonly #dns: DnsServer | undefined;
  /** URL of the registry; undefined: gateways join through the balancer. */
  readonly #url: string | undefined;
  readonly #brief: boolean;
  readonly #gatewayDescriptors: number | undefined;
  #revision = 1;

  private constructor(parts: {
    owner: Owner;
    balancer: BalancerUnderTest;
    target: EchoTarget;
    redis: RedisServer | undefined;
    relay: Relay | undefined;
    sentinels: Sentinels | undefined;
    dns: DnsServer | undefined;
    url: string | undefined;
    brief: boolean;
    gatewayDescriptors: number | undefined;
  }) {
    this.#gatewayDescriptors = parts.gatewayDescriptors;
    this.#owner = parts.owner;
    this.balancer = parts.balancer;
    this.#target = parts.target;
    this.#redis = parts.redis;
    this.#relay = parts.relay;
    this.#sentinels = parts.sentinels;
    this.#dns = parts.dns;
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
    const dns = options.named ? await DnsServer.start(owner) : undefined;
    for (const name of ['a', 'b', 'c', 'd', 'target', 'balancer'])
      dns?.names.set(`${name}.test`, { addresses: ['127.0.0.1'], ttlSeconds: 1 });
    const production = {
      listen: '127.0.0.1:0',
      exposeServer: true,
      ...(brief && { health: { interval: '500ms' } }),
      // Connections are opened all the time, so that names are needed all the time.
      ...(options.named && { timeouts: { upstreamAge: '500ms' } }),
    };
    const environments = { production, ...(options.staging && { staging: { ...production, listen: '127.0.0.2:0' } }) };
    const balancer = await startBalancer(
      owner,
      { ...(url !== undefined && { registry: { url } }), workers: options.workers ?? 0 },
      environments,
      variablesFor(dns),
      undefined,
      options.balancerDescriptors,
    );
    const known = dns === undefined ? target : { ...target, url: target.url.replace('127.0.0.1', 'target.test') };
    const stage = new Stage({
      gatewayDescriptors: options.gatewayDescriptors,
      owner,
      balancer,
      target: known,
      redis,
      relay,
      sentinels,
      dns,
      url,
      brief,
    });
    for (const environment of Object.keys(environments)) await deployEcho(balancer, known.url, '1', environment);
    await Promise.all(['a', 'b', 'c'].map((id) => stage.startGateway(id)));
    await serving(balancer, ['a', 'b', 'c']);
    const restMs = brief ? restOf.brief : restOf.full;
    stage.loads.push(new Load(balancer.address, '/echo/p', { clients, restMs, patient: options.patient ?? false }));
    if (options.staging) {
      await stage.startGateway('s', 'staging');
      await serving(balancer, ['s'], 'staging');
      stage.loads.push(new Load(balancer.addresses['staging'] as string, '/echo/s', { clients, restMs }));
    }
    await Promise.all(stage.loads.map((load) => load.more(200)));
    return stage;
  }

  /** The load on `production`. */
  get load(): Load {
    return this.loads[0] as Load;
  }

  /** The load on `staging`. */
  get stagingLoad(): Load {
    return this.loads[1] as Load;
  }

  /** The stage's Redis; with Sentinels, the first master. */
  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('the scenario uses Redis: its stage needs registry "redis" or "sentinel"');
    return this.#redis;
  }

  /** The relay between Sluice and Redis. */
  get relay(): Relay {
    if (this.#relay === undefined) throw new Error('the scenario uses a relay: its stage needs "relayed"');
    return this.#relay;
  }

  /** The stage's DNS server. */
  get dns(): DnsServer {
    if (this.#dns === undefined) throw new Error('the scenario uses names: its stage needs "named"');
    return this.#dns;
  }

  /** Starts a gateway, at a port of loopback if one is given. A gateway that ran before starts with the folder that it had. */
  async startGateway(id: string, environment = 'production', listenPort?: number): Promise<SluiceProcess> {
    const folder = this.#folders.get(id) ?? ownFolder(this.#owner);
    this.#folders.set(id, folder);
    const port = this.#dns === undefined ? undefined : await freePort();
    const at = listenPort === undefined ? [] : ['--listen', `127.0.0.1:${listenPort}`];
    const named = port === undefined ? at : ['--listen', `127.0.0.1:${port}`, '--advertise', `${id}.test:${port}`];
    const limit = this.#gatewayDescriptors;
    const options = { folder, variables: variablesFor(this.#dns), ...(limit !== undefined && { descriptors: limit }) };
    const args = ['--environment', environment, ...named];
    const control = port === undefined ? this.balancer.control : this.balancer.control.replace('127.0.0.1', 'balancer.test');
    const gateway = await startGateway(this.#owner, id, this.#url ?? control, args, options);
    this.gateways.set(id, gateway);
    return gateway;
  }

  gateway(id: string): SluiceProcess {
    return this.gateways.get(id) as SluiceProcess;
  }

  /** Resolves when exactly these servers take requests, each with the newest snapshot. The registry and the environment may still be missing. */
  async complete(ids: readonly string[], environment = 'production'): Promise<void> {
    const deployed = () => this.balancer.api('GET', `/v1/environments/${environment}/deployments`).catch(whileMissing);
    await eventually(
      async () => {
        await eventually(deployed, (answer) => answer !== undefined);
        const servers = await serving(this.balancer, ids, environment);
        const newest = (await deployed()) as { hash: string } | undefined;
        return { newest: newest?.hash, running: servers.map(({ running }) => running?.hash) };
      },
      ({ newest, running }) => running.every((hash) => hash === newest),
      { what: `${ids.join(', ')} to run the newest snapshot of ${environment}` },
    );
  }

  /** Resolves when the balancer shows that a server gets no new requests, or does not know the server any more. */
  async outOfRotation(id: string): Promise<void> {
    await eventually(
      () => this.balancer.api('GET', `/v1/servers/${id}`).catch(whileMissing) as Promise<{ state: string; health: string } | undefined>,
      (server) => server === undefined || ['down', 'ejected'].includes(server.health) || ['lost', 'draining'].includes(server.state),
      { what: `${id} to be out of rotation` },
    );
  }

  /** Deploys another revision, as soon as the registry is reachable, and resolves when all of these servers run it. */
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
          .catch(whileMissing),
      (answer) => answer !== undefined,
    );
    await this.complete(ids);
    await this.load.until(({ revisions }) => revisions.has(revision));
  }

  /** Deploys another revision after an outage has ended, and measures the time until all of these servers run it. */
  async recovers(ids: readonly string[]): Promise<{ convergeMs: number }> {
    const begun = performance.now();
    await this.deployAnother(ids);
    return { convergeMs: performance.now() - begun };
  }

  /** The deployments of `production`, for example `echo@1`. */
  async deployments(): Promise<string> {
    const answer = await eventually(
      () => this.balancer.api('GET', '/v1/environments/production/deployments').catch(whileMissing),
      (answer) => answer !== undefined,
    );
    const { deployments } = answer as { deployments: { project: string; revision: number }[] };
    return deployments.map(({ project, revision }) => `${project}@${revision}`).join(' ');
  }

  /** Resolves when the replica, if there is one, has everything that its master has. */
  async replicated(): Promise<void> {
    await this.#sentinels?.replicated();
  }

  /** Number of repetitions: `full`, or a third of it in brief. */
  times(full: number): number {
    return this.#brief ? Math.ceil(full / 3) : full;
  }

  /** Keeps the current state for `ms` milliseconds, or a fifth of it in brief, while the load goes on. */
  async hold(ms: number): Promise<void> {
    await pause(this.#brief ? ms / 5 : ms);
  }

  /** Ends all loads and sums up their counts. */
  async end(): Promise<LoadCounts & { duplicated: number }> {
    const all = await Promise.all(this.loads.map((load) => load.stop()));
    const [first, ...others] = all as [LoadCounts, ...LoadCounts[]];
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

/** Turns the error of a call into `undefined` while its object is missing (404), or the registry or the balancer away. Rethrows others. */
function whileMissing(error: Error): undefined {
  if (!/: 404 /.test(error.message)) return whileAway(error);
}

function variablesFor(dns: DnsServer | undefined): Record<string, string> {
  return dns === undefined ? {} : { SLUICE_DNS_SERVERS: dns.address };
}
