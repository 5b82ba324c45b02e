import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { EmbeddedServers } from '../../balancer/embedded-servers.ts';
import type { CopySource } from '../../gateway/copies.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { loadServerId, storeServerId } from '../../gateway/server-id.ts';
import type { Family } from '../../metrics/family.ts';
import { joined, labelled } from '../../metrics/family-sums.ts';
import { systemClock } from '../../model/clock.ts';
import type { Environment, EnvironmentSpec } from '../../model/environment.ts';
import type { Listener } from '../../proxy/contract.ts';
import { InProcessListener } from '../../proxy/in-process-listener.ts';
import { PassagePool } from '../../proxy/passage-pool.ts';
import type { UpstreamPool } from '../../proxy/upstream-pool.ts';
import type { Registry } from '../../registry/contract.ts';
import { readGatewayVariables } from '../gateway-variables.ts';
import { StandardOutput } from '../standard-output.ts';
import { version } from '../version.ts';
import type { WorkerCopies } from './worker-copies.ts';

/** Address in the registry of a server that has none. */
const noAddress = '127.0.0.1:0';

type Wanted = Exclude<EnvironmentSpec['embedded'], false>;

/** A gateway server in this process. */
interface Embedded {
  readonly wanted: Wanted;
  id?: string;
  gateway?: Gateway;
  pool?: UpstreamPool;
  readonly ended: AbortController;
  /** Resolves when it runs, or has failed to start. */
  started: Promise<void>;
}

/**
 * The gateway servers of this balancer, one for each environment that asks for it. Each joins, and receives what is deployed, as any gateway server.
 * Exchanges pass to them without a connection: in this process, or in each worker process, which then has a copy of each.
 */
export class EmbeddedGateways implements EmbeddedServers {
  readonly #parts: {
    readonly registry: Registry;
    readonly dataDir: string;
    readonly logger: Logger;
    readonly graceMs: () => number;
    readonly copies: WorkerCopies | undefined;
  };
  readonly #running = new Map<string, Embedded>();
  /** Servers that are not wanted any more, while they drain. */
  readonly #draining = new Map<Embedded, Promise<void>>();
  readonly #lines: StandardOutput;

  /** @param parts.copies makes copies in worker processes; undefined: this process carries the traffic */
  constructor(parts: { registry: Registry; dataDir: string; logger: Logger; graceMs: () => number; copies: WorkerCopies | undefined }) {
    this.#parts = parts;
    this.#lines = new StandardOutput(parts.logger);
  }

  follow(environments: ReadonlyMap<string, Environment>): void {
    for (const [name, embedded] of this.#running) {
      const wanted = environments.get(name)?.spec.embedded ?? false;
      if (wanted !== false && idIn(wanted) === idIn(embedded.wanted)) this.#adjust(embedded, wanted);
      else this.#drain(name, embedded);
    }
    for (const { name, spec } of environments.values())
      if (spec.embedded !== false && !this.#running.has(name)) this.#start(name, spec.embedded);
  }

  idFor(environment: string): string | undefined {
    return this.#running.get(environment)?.id;
  }

  isHere(id: string, instance: string): boolean {
    return this.#find(id)?.gateway?.instance === instance;
  }

  readonly poolOf = (id: string): UpstreamPool | undefined => this.#find(id)?.pool;

  /** Metrics of all of them, with the labels that Prometheus gives those of other gateway servers. */
  async families(): Promise<Family[]> {
    const all: Family[] = [];
    for (const { id, gateway } of this.#running.values())
      if (id !== undefined && gateway !== undefined)
        all.push(...labelled(await gateway.families(), { environment: gateway.environment ?? '', server: id }));
    return joined(all);
  }

  /** Counts of a server of this process, as {@link Gateway.usage}; undefined: it is not of this process. */
  usage(id: string, project: string | undefined): Promise<string> | undefined {
    return this.#find(id)?.gateway?.usage(project);
  }

  async stop(): Promise<void> {
    for (const [name, embedded] of this.#running) this.#drain(name, embedded);
    await Promise.all(this.#draining.values());
    this.#parts.copies?.close();
    await this.#lines.flush();
  }

  #find(id: string): Embedded | undefined {
    for (const embedded of this.#running.values()) if (embedded.id === id) return embedded;
    for (const embedded of this.#draining.keys()) if (embedded.id === id) return embedded;
    return undefined;
  }

  #start(environment: string, wanted: Wanted): void {
    const embedded: Embedded = { wanted, ended: new AbortController(), started: Promise.resolve() };
    this.#running.set(environment, embedded);
    embedded.started = this.#run(environment, embedded).catch((error: unknown) =>
      this.#parts.logger.error({ environment, err: error }, 'the gateway server in this process could not be started'),
    );
  }

  async #run(environment: string, embedded: Embedded): Promise<void> {
    const { registry, logger, graceMs, copies } = this.#parts;
    const dataDir = join(this.#parts.dataDir, 'embedded', environment);
    const id = await this.#idOf(embedded.wanted, dataDir);
    if (embedded.ended.signal.aborted) return;
    embedded.id = id;
    const weight = weightIn(embedded.wanted);
    const server = { id, environment, address: noAddress, dataDir: resolve(dataDir) };
    const instance = randomUUID();
    // Loaded by the first server that is embedded.
    const { startGateway } = await import('../../gateway/gateway.ts');
    const gateway = await startGateway({
      ...readGatewayVariables(),
      ...{ id, instance, environment, dataDir, registry, logger, version, embedded: true, lines: this.#lines },
      ...(weight !== undefined && { weight }),
      ...(copies && { copies: (source: CopySource) => copies.of(server, source) }),
      listen: noAddress,
      grace: graceMs(),
      clock: systemClock,
      random: Math.random,
      open: async (address, _settings, handler) => {
        const listener = new InProcessListener(address, handler);
        if (copies === undefined) embedded.pool = new PassagePool(listener);
        return copies === undefined ? listener : withCopies(listener, (graceMs) => copies.end(instance, graceMs));
      },
    });
    embedded.gateway = gateway;
  }

  /** The id that the settings give, else one that is kept in the data folder. If another balancer has the given one, a suffix makes this one's own. */
  async #idOf(wanted: Wanted, dataDir: string): Promise<string> {
    const given = idIn(wanted);
    if (given === undefined) return loadServerId(dataDir, this.#parts.logger);
    const kept = (await readFile(join(dataDir, 'id'), 'utf8').catch(() => '')).trim();
    if (kept === given || kept.startsWith(`${given}-`)) return kept;
    const other = await this.#parts.registry.server(given);
    const isTaken = other !== undefined && other.leaseRemaining > 0;
    const id = isTaken ? `${given}-${Math.random().toString(16).slice(2, 6)}` : given;
    await storeServerId(dataDir, id, this.#parts.logger);
    return id;
  }

  #adjust(embedded: Embedded, wanted: Wanted): void {
    const [before, weight] = [weightIn(embedded.wanted), weightIn(wanted)];
    if (before === weight) return;
    Object.assign(embedded, { wanted });
    const { id } = embedded;
    if (weight === undefined || id === undefined) return;
    this.#parts.registry
      .patchServer(id, { weight })
      .catch((error: Error) =>
        this.#parts.logger.warn({ server: id, reason: error.message }, 'the weight of the server could not be changed'),
      );
  }

  #drain(environment: string, embedded: Embedded): void {
    this.#running.delete(environment);
    embedded.ended.abort();
    const ended = embedded.started.then(() => embedded.gateway?.drain()).finally(() => this.#draining.delete(embedded));
    this.#draining.set(embedded, ended);
  }
}

/** The listener of a server that has copies: it gets no requests, and ends with them. */
function withCopies(listener: InProcessListener, end: (graceMs: number) => Promise<void>): Listener {
  const close = listener.close.bind(listener);
  listener.close = async (graceMs) => {
    await end(graceMs);
    await close(graceMs);
  };
  return listener;
}

function idIn(wanted: Wanted): string | undefined {
  return wanted === true ? undefined : wanted.id;
}

function weightIn(wanted: Wanted): number | undefined {
  return wanted === true ? undefined : wanted.weight;
}
