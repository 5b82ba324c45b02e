import type { Wellness } from '../health/machine.ts';
import type { EnvironmentSpec } from '../model/environment.ts';

/**
 * What the side that carries traffic must know, as plain data that survives JSON: it can be handed to another process.
 * It flows one way only; counters and suspicions come back the other way.
 */
export interface TableEnvironment {
  readonly name: string;
  readonly spec: EnvironmentSpec;
  /** Sorted by id. */
  readonly servers: readonly TableServer[];
}

/** One server of an environment, as traffic sees it. */
export interface TableServer {
  readonly id: string;
  /** New at each start; empty for a static server. */
  readonly instance: string;
  readonly address: string;
  readonly weight: number;
  /**
   * May be given new requests, as far as the registry knows: it acknowledged a snapshot, passed a check since it
   * started, is not draining and not lost.
   */
  readonly serving: boolean;
  /** What active checks say; `up` where they are off. Panic may overrule it, but never `serving`. */
  readonly health: Wellness;
  /** Why it is down, for people. */
  readonly reason?: string;
}

/** Who is told of the table, one environment at a time. */
export interface TableReader {
  /** The environment is new or differs from before. */
  apply(environment: TableEnvironment): void;
  remove(name: string): void;
}

/** The way back: exchanges speak against a server, so that it is worth being checked now. */
export type Suspect = (environment: string, id: string) => void;
