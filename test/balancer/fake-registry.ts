import { EventEmitter } from 'node:events';
import type { RegistryViewTools } from '../../src/balancer/registry-view.ts';
import { type Environment, type EnvironmentSpecInput, environmentSpec } from '../../src/model/environment.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { News } from '../../src/model/news.ts';
import type { LeasedServer } from '../../src/model/server.ts';
import type { Link, Watch } from '../../src/registry/contract.ts';

/** The part of a registry that a balancer uses. Tests set its link and contents directly; it publishes news only when a test calls `publish`. */
export class FakeRegistry
  implements
    Pick<
      RegistryViewTools['registry'],
      'environments' | 'environment' | 'putEnvironment' | 'servers' | 'server' | 'watch' | 'probe' | 'link'
    >
{
  link: Link = { up: true, since: Number.NEGATIVE_INFINITY };
  readonly stored = { environments: new Map<string, Environment>(), servers: new Map<string, LeasedServer>() };
  /** Names of all reads, in order. */
  readonly reads: string[] = [];
  readonly #news = new EventEmitter();

  put(name: string, input: EnvironmentSpecInput = {}): void {
    this.stored.environments.set(name, { name, input, spec: environmentSpec.parse(input) });
  }

  join(id: string, more: Partial<LeasedServer> = {}): void {
    const record: LeasedServer = {
      id,
      instance: `${id}-1`,
      environment: 'production',
      address: '127.0.0.1:9101',
      weight: 1,
      draining: false,
      leaving: false,
      source: 'join',
      version: '0',
      running: { epoch: 'e', version: 1, hash: 'h' },
      projects: [],
      startedAt: 0,
      ttl: 10_000,
      leaseRemaining: 10_000,
    };
    this.stored.servers.set(id, { ...record, ...more });
  }

  /** Joins a server that has not acknowledged a snapshot. */
  joinUnready(id: string, more: Partial<LeasedServer> = {}): void {
    this.join(id, more);
    const { running: _, ...record } = this.stored.servers.get(id) as LeasedServer;
    this.stored.servers.set(id, record);
  }

  publish(news: News): void {
    this.#news.emit('news', news);
  }

  watch(listener: (news: News) => void): Watch {
    this.#news.on('news', listener);
    return { ready: Promise.resolve(), close: () => void this.#news.off('news', listener) };
  }

  async probe(): Promise<void> {}

  get watchers(): number {
    return this.#news.listenerCount('news');
  }

  async environments(): Promise<Environment[]> {
    return this.#answer('environments', [...this.stored.environments.values()]);
  }

  async environment(name: string): Promise<Environment | undefined> {
    return this.#answer(`environment ${name}`, this.stored.environments.get(name));
  }

  async putEnvironment(name: string, input: EnvironmentSpecInput): Promise<Environment> {
    this.put(name, input);
    return this.#answer(`put ${name}`, this.stored.environments.get(name) as Environment);
  }

  async servers(): Promise<LeasedServer[]> {
    return this.#answer('servers', [...this.stored.servers.values()]);
  }

  async serversOf(environment: string): Promise<LeasedServer[]> {
    return (await this.servers()).filter((server) => server.environment === environment);
  }

  async server(id: string): Promise<LeasedServer | undefined> {
    return this.#answer(`server ${id}`, this.stored.servers.get(id));
  }

  #answer<T>(what: string, content: T): T {
    this.reads.push(what);
    if (!this.link.up) throw new SluiceError('unavailable', 'the registry cannot be reached');
    return content;
  }
}
