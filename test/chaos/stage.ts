import { DnsServer } from '../tools/dns-server.ts';
import { deployEcho, type EchoTarget, echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load, type LoadCounts } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { pause } from '../tools/pause.ts';
import { buildPreviousRelease } from '../tools/previous-release.ts';
import { type RedisServer, startRedis } from '../tools/redis.ts';
import { type Sentinels, startSentinels } from '../tools/sentinels.ts';
import { builtProgram, type SluiceProcess } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, serving, startBalancer, startGateway, whileAway } from '../tools/sluice-under-test.ts';
import type { LinkRelay } from './link-relay.ts';
import { type Relay, startRelay } from './relay.ts';
import { StageAuthority } from './stage-authority.ts';
import { StageCertificates } from './stage-certificates.ts';
import { type GatewayOptions, modes, type StageOptions } from './stage-options.ts';
import { StagePlaces } from './stage-places.ts';
import { answersAgain, untilComplete, whileMissing } from './waits.ts';

/** Number of clients in a load, each with one request at a time. */
const clients = 16;
/** Milliseconds that each client rests after an answer. In brief several scenarios run at the same time, on as few processors. */
const rests = { full: 10, brief: 50 } as const;

/** Something that a stage needs is not on this machine. */
export class StageMissing extends Error {}

/** Everything on a stage but Sluice. */
interface Parts {
  readonly owner: Owner;
  readonly target: EchoTarget;
  readonly certificates: StageCertificates | undefined;
  readonly authority: StageAuthority | undefined;
  readonly redis: RedisServer | undefined;
  readonly relay: Relay | undefined;
  /** Program of the previous release. */
  readonly program: string | undefined;
  readonly sentinels: Sentinels | undefined;
  readonly dns: DnsServer | undefined;
  readonly places: StagePlaces;
  /** URL of the registry; undefined: gateways join through the balancer. */
  readonly url: string | undefined;
  readonly brief: boolean;
  readonly gatewayDescriptors: number | undefined;
  /** Each balancer is a server, in place of the gateways. */
  readonly embedded: boolean;
}

/** A whole Sluice under load: balancer, gateways a, b and c or the balancer alone, and a target. Health checks are as by default. */
export class Stage {
  readonly loads: Load[] = [];
  readonly balancers: BalancerUnderTest[];
  readonly gateways = new Map<string, SluiceProcess>();
  readonly #parts: Parts;
  readonly #settings = new Map<string, GatewayOptions>();
  readonly #folders = new Map<string, string>();
  readonly #ended: LoadCounts[] = [];
  /** The revision deployed last, as in `x-revision`. */
  revision = 1;
  #restarts = 0;

  private constructor(balancer: BalancerUnderTest, parts: Parts) {
    this.balancers = [balancer];
    this.#parts = parts;
  }

  static async set(owner: Owner, options: StageOptions, brief: boolean): Promise<Stage> {
    const target = await startTarget(owner);
    const persistent = { persistent: options.persistent ?? false };
    const sentinels = options.registry === 'sentinel' ? await startSentinels(owner) : undefined;
    const redis = sentinels?.master ?? (options.registry === 'redis' ? await startRedis(owner, persistent) : undefined);
    const program = options.second === 'previous' ? await previousRelease(owner) : undefined;
    const redisRelay = redis && options.relayed === 'all' ? await startRelay(owner, redis.port) : undefined;
    const redisUrl = sentinels?.url ?? (redisRelay ? urlOf(redisRelay, 'redis') : redis?.url);
    const dns = options.named ? await DnsServer.start(owner) : undefined;
    for (const name of ['a', 'b', 'c', 'd', 'target', 'balancer'])
      dns?.names.set(`${name}.test`, { addresses: ['127.0.0.1'], ttlSeconds: 1 });
    const authority = options.secured === 'acme' ? await StageAuthority.start(owner) : undefined;
    const certificates = options.secured === 'files' ? new StageCertificates(owner) : undefined;
    const secured = authority ?? certificates;
    const variables = { ...variablesFor(dns), ...authority?.variables };
    const production = {
      listen: '127.0.0.1:0',
      exposeServer: true,
      // A previous release cannot read settings that it does not know, neither its own nor those in a registry that it shares.
      ...(options.mode && program === undefined && modes[options.mode]),
      ...secured?.settings,
      ...(brief && { health: { interval: '500ms' } }),
      // Connections are opened all the time, so that names are needed all the time.
      ...(options.named && { timeouts: { upstreamAge: '500ms' } }),
    };
    const environments = { production, ...(options.staging && { staging: { ...production, listen: '127.0.0.2:0' } }) };
    const balancer = await startBalancer(
      owner,
      { ...(redisUrl !== undefined && { registry: { url: redisUrl } }), workers: options.workers ?? 0 },
      environments,
      variables,
      undefined,
      options.balancerDescriptors,
    );
    const before =
      options.relayed === 'gateways' ? await startRelay(owner, redis?.port ?? Number(new URL(balancer.control).port)) : undefined;
    const url = before ? urlOf(before, redis ? 'redis' : 'http') : redisUrl;
    const known = dns === undefined ? target : { ...target, url: target.url.replace('127.0.0.1', 'target.test') };
    const stage = new Stage(balancer, {
      gatewayDescriptors: options.gatewayDescriptors,
      embedded: options.mode === 'embedded',
      owner,
      target: known,
      certificates,
      authority,
      redis,
      relay: redisRelay ?? before,
      program,
      sentinels,
      dns,
      places: new StagePlaces(owner, options),
      url,
      brief,
    });
    for (const environment of Object.keys(environments)) await deployEcho(balancer, known.url, '1', environment);
    await Promise.all(stage.servers.map((id) => stage.startGateway(id)));
    await stage.complete(stage.servers);
    const restMs = brief ? rests.brief : rests.full;
    const startLoads = ({ address }: BalancerUnderTest, letter: string) =>
      stage.loads.push(
        ...(secured?.clients.loads(address, letter, clients, restMs) ?? [newLoad(address, letter, restMs, options.patient)]),
      );
    if (options.second !== undefined) {
      const settings = { registry: { url: redisUrl }, ...(authority && { workers: options.workers ?? 0 }) };
      stage.balancers.push(await startBalancer(owner, settings, environments, authority?.variables, program));
    }
    await authority?.begin(stage.balancers);
    startLoads(balancer, 'p');
    if (options.staging) {
      await stage.startGateway('s', { environment: 'staging' });
      await serving(balancer, ['s'], 'staging');
      stage.loads.push(newLoad(balancer.addresses['staging'] as string, 's', restMs));
    }
    if (options.second !== undefined) {
      await stage.complete(stage.servers);
      startLoads(stage.second, 'o');
    }
    await Promise.all(stage.loads.map((load) => load.more(options.secured ? 50 : 200)));
    return stage;
  }

  /** Gateways that run from the beginning. */
  get servers(): readonly string[] {
    return this.#parts.embedded ? [] : ['a', 'b', 'c'];
  }

  /** The load on `production`. */
  get load(): Load {
    return this.loads[0] as Load;
  }

  /** The load on `staging`. */
  get stagingLoad(): Load {
    return this.loads[1] as Load;
  }

  get balancer(): BalancerUnderTest {
    return this.balancers[0] as BalancerUnderTest;
  }

  set balancer(started: BalancerUnderTest) {
    this.balancers[0] = started;
  }

  /** The second balancer. */
  get second(): BalancerUnderTest {
    return this.balancers[1] as BalancerUnderTest;
  }

  /** The load on the second balancer. */
  get secondLoad(): Load {
    return this.loads[1] as Load;
  }

  /** The stage's Redis; with Sentinels, the first master. */
  get redis(): RedisServer {
    if (this.#parts.redis === undefined) throw new Error('the scenario uses Redis: its stage needs registry "redis" or "sentinel"');
    return this.#parts.redis;
  }

  /** The stage's relay. */
  get relay(): Relay {
    if (this.#parts.relay === undefined) throw new Error('the scenario uses a relay: its stage needs "relayed"');
    return this.#parts.relay;
  }

  /** The relays between balancers and the gateways that run from the beginning. */
  get linkRelays(): LinkRelay[] {
    return this.servers.map((id) => this.#parts.places.relay(id));
  }

  /** The certificate of `production`, in files. */
  get certificates(): StageCertificates {
    return this.#parts.certificates as StageCertificates;
  }

  /** The authority of `production`. */
  get authority(): StageAuthority {
    return this.#parts.authority as StageAuthority;
  }

  /** The stage's DNS server. */
  get dns(): DnsServer {
    if (this.#parts.dns === undefined) throw new Error('the scenario uses names: its stage needs "named"');
    return this.#parts.dns;
  }

  /** Starts a gateway. One that ran before starts with the folder that it had. */
  async startGateway(id: string, given: GatewayOptions = {}): Promise<SluiceProcess> {
    const settings = { ...this.#settings.get(id), ...given };
    this.#settings.set(id, settings);
    const folder = this.#folders.get(id) ?? ownFolder(this.#parts.owner);
    this.#folders.set(id, folder);
    const args = ['--environment', settings.environment ?? 'production', ...(await this.#parts.places.of(id, settings.port))];
    const control = this.#parts.dns === undefined ? this.balancer.control : this.balancer.control.replace('127.0.0.1', 'balancer.test');
    const limit = this.#parts.gatewayDescriptors;
    const gateway = await startGateway(this.#parts.owner, id, settings.joinUrl ?? this.#parts.url ?? control, args, {
      folder,
      variables: variablesFor(this.#parts.dns),
      ...(limit !== undefined && { descriptors: limit }),
      ...(settings.previous && this.#parts.program !== undefined && { program: this.#parts.program }),
    });
    this.gateways.set(id, gateway);
    return gateway;
  }

  /** Stops a gateway (SIGTERM) and starts it again. */
  async restart(id: string, changed: GatewayOptions = {}): Promise<void> {
    this.gateway(id).signal('SIGTERM');
    await this.gateway(id).ended();
    await this.startGateway(id, changed);
  }

  /** Stops a balancer (SIGTERM) and starts it again; `previous` says of which release, if of another than before. Its load follows it. */
  async restartBalancer(index: number, previous?: boolean): Promise<void> {
    const { process } = this.balancers[index] as BalancerUnderTest;
    process.signal('SIGTERM');
    await process.ended();
    const { address } = await this.#startAgain(index, previous === undefined ? undefined : previous ? this.#parts.program : builtProgram);
    (this.loads[index] as Load).address = address;
  }

  /**
   * Stops all balancers and gateways at once, and starts them again at once. The loads end before. Each begins again when the address of its
   * balancer first answers with 200, and from then on counts every request.
   */
  async restartAll(signal: NodeJS.Signals): Promise<void> {
    await this.#endLoads();
    const processes = [...this.balancers.map(({ process }) => process), ...this.gateways.values()];
    for (const process of processes) process.signal(signal);
    await Promise.all(processes.map((process) => process.ended()));
    this.#restarts++;
    const gateways = [...this.gateways.keys()].map((id) => this.startGateway(id));
    const loads = this.balancers.map(async (_, index) => {
      const { address } = await this.#startAgain(index);
      await answersAgain(address);
      this.loads[index] = newLoad(address, `restarted-${this.#restarts}-${index}-`, this.#parts.brief ? rests.brief : rests.full);
    });
    await Promise.all([...gateways, ...loads]);
  }

  async #startAgain(index: number, program?: string): Promise<BalancerUnderTest> {
    const otherAddresses = this.balancers.length > 1;
    const started = await (this.balancers[index] as BalancerUnderTest).again({}, { otherAddresses, program });
    this.balancers[index] = started;
    return started;
  }

  /**
   * Kills a gateway (-9). Each client of its environment may lose the POST that it has in flight meanwhile: until the process has ended and the
   * balancer, which is told of that by the kernel, has answered a question after it.
   */
  async kill(id: string): Promise<void> {
    const load = this.#settings.get(id)?.environment === 'staging' ? this.stagingLoad : this.load;
    await load.losing('posts', async () => {
      await this.gateway(id).kill();
      await this.balancer.api('GET', '/healthz');
    });
  }

  gateway(id: string): SluiceProcess {
    return this.gateways.get(id) as SluiceProcess;
  }

  /** Resolves when exactly these servers, and balancers that are servers, take requests, each with the newest snapshot. The registry and the environment may still be missing. */
  async complete(ids: readonly string[], environment = 'production'): Promise<void> {
    for (const balancer of this.balancers) await untilComplete(balancer, ids, environment, this.#parts.embedded);
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
  async deployAnother(ids: readonly string[], by = this.balancer): Promise<void> {
    const revision = await this.deploy(by);
    await this.complete(ids);
    await this.load.until(({ revisions }) => revisions.has(revision));
  }

  /** Deploys another revision to `production` by a balancer, as soon as the registry is reachable. Resolves to its name in `x-revision`. */
  async deploy(by = this.balancer): Promise<string> {
    const revision = String(++this.revision);
    const pushed = await eventually(
      () => by.api('POST', '/v1/projects', echoProject(this.#parts.target.url, revision)).catch(whileAway),
      (answer) => answer !== undefined,
    );
    await eventually(
      () =>
        by
          .api('PUT', '/v1/environments/production/deployments/echo', { revision: (pushed as { revision: number }).revision })
          .catch(whileMissing),
      (answer) => answer !== undefined,
    );
    return revision;
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
    await this.#parts.sentinels?.replicated();
  }

  /** Number of repetitions: `full`, or a third of it in brief. */
  times(full: number): number {
    return this.#parts.brief ? Math.ceil(full / 3) : full;
  }

  /** Keeps the current state for `ms` milliseconds, or a fifth of it in brief, while the load goes on. */
  async hold(ms: number): Promise<void> {
    await pause(this.#parts.brief ? ms / 5 : ms);
  }

  async #endLoads(): Promise<void> {
    this.#ended.push(...(await Promise.all(this.loads.splice(0).map((load) => load.stop()))));
  }

  /** Ends all loads and sums up their counts. */
  async end(): Promise<Omit<LoadCounts, 'by' | 'revisions' | 'resumed'> & { duplicated: number }> {
    await this.#endLoads();
    const sum = { sent: 0, right: 0, wrong: [] as string[], lost: [] as string[], late: 0, longestGapMs: 0 };
    for (const counts of this.#ended) {
      sum.sent += counts.sent;
      sum.right += counts.right;
      sum.late += counts.late;
      sum.wrong.push(...counts.wrong);
      sum.lost.push(...counts.lost);
      sum.longestGapMs = Math.max(sum.longestGapMs, counts.longestGapMs);
    }
    return { ...sum, duplicated: [...this.#parts.target.posts.values()].filter((count) => count > 1).length };
  }
}

/** Puts a load on an address. The letters tell its requests from those of other loads. */
function newLoad(address: string, letters: string, restMs: number, patient = false): Load {
  return new Load(address, `/echo/${letters}`, { clients, restMs, patient });
}

function urlOf({ port }: Relay, scheme: 'redis' | 'http'): string {
  return `${scheme}://127.0.0.1:${port}`;
}

async function previousRelease(owner: Owner): Promise<string> {
  const { program, missing } = await buildPreviousRelease(owner);
  if (program === undefined) throw new StageMissing(`needs the previous release: ${missing}`);
  return program;
}

function variablesFor(dns: DnsServer | undefined): Record<string, string> {
  return dns === undefined ? {} : { SLUICE_DNS_SERVERS: dns.address };
}
