import type { Environment } from '../model/environment.ts';
import type { UpstreamPool } from '../proxy/upstream-pool.ts';

/** The servers of environments that are a part of this balancer's process. */
export interface EmbeddedServers {
  /** Has exactly the servers that these environments ask for: starts new ones, and drains those that are not wanted any more. */
  follow(environments: ReadonlyMap<string, Environment>): void;
  /** Id of an environment's server here, once its start is far enough; undefined: it has none, or not yet. */
  idFor(environment: string): string | undefined;
  /** True if a registered server is one of this process. */
  isHere(id: string, instance: string): boolean;
  /** Drains all of them; called when requests have ended. */
  stop(): Promise<void>;
}

/** Ways to the servers of this process, by their id; undefined: it has no such server. */
export type EmbeddedPools = (id: string) => UpstreamPool | undefined;
