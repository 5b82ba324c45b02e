import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { Series, steadySeconds, unpackSample } from '../../api/series.ts';
import { withHealth } from '../../api/with-health.ts';

/** What the live feed has told so far: the present servers, and their traffic of the last few seconds. */
export class TopState {
  environments: readonly EnvironmentAnswer[] = [];
  readonly servers = new Map<string, ServerAnswer>();
  /** Whether the balancer reaches its registry. */
  registry = true;
  readonly #traffic = new Map<string, Series>();

  /** @returns `tick` once a second, when there is traffic to show; `stale` when everything is to be read again */
  hear(message: FeedMessage): 'tick' | 'stale' | undefined {
    switch (message.type) {
      case 'welcome':
        this.registry = message.registry;
        return undefined;
      case 'registry':
        this.registry = message.up;
        return undefined;
      case 'servers':
        // The feed may have looked a second ago: what is asked for now is newer.
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
        this.#take(message);
        return 'tick';
      default:
        return undefined;
    }
  }

  /** Takes over what the API answered. */
  adopt(environments: readonly EnvironmentAnswer[], servers: readonly ServerAnswer[]): void {
    this.environments = environments;
    this.servers.clear();
    for (const server of servers) this.servers.set(server.id, server);
  }

  /** What the balancer counted may start anew. */
  forget(): void {
    this.#traffic.clear();
  }

  ofEnvironment(name: string): Series | undefined {
    return this.#traffic.get(name);
  }

  ofServer({ environment, id }: ServerAnswer): Series | undefined {
    return this.#traffic.get(`${environment} ${id}`);
  }

  #take({ at, environments, servers }: Extract<FeedMessage, { type: 'traffic' }>): void {
    const seen = new Set<string>();
    const add = (key: string, figures: Parameters<typeof unpackSample>[1]) => {
      const series = this.#traffic.get(key) ?? new Series(steadySeconds);
      this.#traffic.set(key, series);
      series.add(unpackSample(at / 1000, figures));
      seen.add(key);
    };
    for (const { name } of this.environments) add(name, environments[name]);
    for (const { id, environment } of this.servers.values()) {
      if (environment !== null) add(`${environment} ${id}`, servers[environment]?.[id]);
    }
    for (const key of this.#traffic.keys()) if (!seen.has(key)) this.#traffic.delete(key);
  }
}
