import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { type PackedSample, steadySeconds, unpackSample } from '../../api/sample.ts';
import { Series } from '../../api/series.ts';
import { withHealth } from '../../api/with-health.ts';

/** The present servers, and their traffic of the last few seconds; kept up to date by messages of the live feed. */
export class TopState {
  environments: readonly EnvironmentAnswer[] = [];
  readonly servers = new Map<string, ServerAnswer>();
  /** True while the balancer can reach its registry. */
  registry = true;
  readonly #traffic = new Map<string, Series>();

  /** @returns `tick` once a second, when there is traffic to show; `stale` if environments and servers must be read from the API again */
  hear(message: FeedMessage): 'tick' | 'stale' | undefined {
    switch (message.type) {
      case 'welcome':
        this.registry = message.registry;
        return undefined;
      case 'registry':
        this.registry = message.up;
        return undefined;
      case 'servers':
        // The list in the message may be a second old: an answer of the API is newer.
        return 'stale';
      case 'membership':
        this.servers.set(message.server.id, message.server);
        return undefined;
      case 'gone':
        this.servers.delete(message.id);
        return undefined;
      case 'health': {
        const server = this.servers.get(message.id);
        if (server) this.servers.set(message.id, withHealth(server, message));
        return undefined;
      }
      case 'environment':
      case 'deployment':
      case 'resync':
        return 'stale';
      case 'traffic':
        this.#addSamples(message);
        return 'tick';
      default:
        return undefined;
    }
  }

  /** Replaces environments and servers with the API's answers. */
  adopt(environments: readonly EnvironmentAnswer[], servers: readonly ServerAnswer[]): void {
    this.environments = environments;
    this.servers.clear();
    for (const server of servers) this.servers.set(server.id, server);
  }

  /** Drops all traffic: after a reconnect the balancer's counts may have restarted from zero. */
  forget(): void {
    this.#traffic.clear();
  }

  ofEnvironment(name: string): Series | undefined {
    return this.#traffic.get(name);
  }

  ofServer({ environment, id }: ServerAnswer): Series | undefined {
    return this.#traffic.get(`${environment} ${id}`);
  }

  #addSamples({ at, environments, servers }: Extract<FeedMessage, { type: 'traffic' }>): void {
    const seen = new Set<string>();
    const add = (key: string, sample: PackedSample | undefined) => {
      const series = this.#traffic.get(key) ?? new Series(steadySeconds);
      this.#traffic.set(key, series);
      series.add(unpackSample(at / 1000, sample));
      seen.add(key);
    };
    for (const { name } of this.environments) add(name, environments[name]);
    for (const { id, environment } of this.servers.values()) {
      if (environment !== null) add(`${environment} ${id}`, servers[environment]?.[id]);
    }
    for (const key of this.#traffic.keys()) if (!seen.has(key)) this.#traffic.delete(key);
  }
}
