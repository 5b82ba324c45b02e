import type { Wellness } from '../health/health-machine.ts';
import type { FailureKind } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { HealthState } from '../model/live.ts';

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
  /** Out for a while because exchanges spoke against it; panic may overrule this, too. */
  readonly ejected: boolean;
  /** Why it is down or ejected, for people. */
  readonly reason?: string;
  /** When it last became well enough for traffic, in milliseconds since 1970; absent while it is not. */
  readonly wellSince?: number;
}

/** What checks and exchanges together say of a server. */
export function healthOf({ health, ejected }: TableServer): HealthState {
  return health === 'up' && ejected ? 'ejected' : health;
}

/** Who is told of the table, one environment at a time. */
export interface TableReader {
  /** The environment is new or differs from before. */
  apply(environment: TableEnvironment): void;
  remove(name: string): void;
}

/** The way back: exchanges speak against a server, so that it is worth being checked now. */
export type Suspect = (environment: string, id: string) => void;

/** Exchanges with a server failed so often in a row that it ought to be ejected. */
export interface FailureReport {
  readonly environment: string;
  readonly id: string;
  /** As it was when they failed. */
  readonly instance: string;
  readonly address: string;
  /** What the last failure was. */
  readonly failure: FailureKind | 'status';
  /** The same, for people. */
  readonly reason: string;
}

/** What exchanges say of servers, to whoever makes the table. */
export interface Feedback {
  readonly suspect: Suspect;
  readonly report: (report: FailureReport) => void;
}
