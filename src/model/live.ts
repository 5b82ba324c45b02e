import type { EnvironmentCounts, ListenerCounts, ServerCounts } from './counts.ts';
import type { LeasedServer, ServerRecord } from './server.ts';

/** `lost`: its lease ended without a word. */
export type ServerState = 'available' | 'joining' | 'ready' | 'draining' | 'lost';
/** `unknown`: not checked yet, or checked by nobody because it is in no environment. */
export type HealthState = 'up' | 'down' | 'ejected' | 'unknown';

/** What is going on at a server at present. */
export interface ServerGauges {
  /** Exchanges in flight, upgraded connections included. */
  readonly active: number;
  /** Upgraded connections. */
  readonly upgraded: number;
  /** Connections open, those kept for the next request included; upgraded ones aside. */
  readonly connections: number;
  /** Those of them that are kept for the next request. */
  readonly idle: number;
}

/** What a balancer knows of one server beside its record; counters survive every configuration change. */
export interface LiveServer extends ServerCounts, ServerGauges {
  readonly id: string;
  readonly environment: string;
  readonly address: string;
  readonly weight: number;
  readonly health: HealthState;
  /** Why it is down, for people. */
  readonly reason?: string;
  /** How its checks went; absent where it was never checked. */
  readonly checks?: CheckCounts;
}

/** How the checks of a server went, and what came of that. Counters only grow. */
export interface CheckCounts {
  /** By result: `passed`, or why it failed. */
  readonly results: Readonly<Record<string, number>>;
  /** Changes of health that checks brought about. */
  readonly flips: { readonly up: number; readonly down: number };
  /** Ejections, by what the last failure was. */
  readonly ejections: Readonly<Record<string, number>>;
}

/** What is going on in an environment at present. */
export interface EnvironmentGauges {
  /** Requests that wait for a server with room. */
  readonly waiting: number;
  /** Processes that ignore health, because too few servers are healthy. */
  readonly panicking: number;
}

/** What a balancer counts of one environment. */
export interface LiveEnvironment extends EnvironmentCounts, EnvironmentGauges {
  readonly name: string;
}

/** What comes in at one address. */
export interface LiveListener extends ListenerCounts {
  /** As configured. */
  readonly listen: string;
  /** Client connections open, tunnels included. */
  readonly connections: number;
}

/** How up to date a process is with the registry. */
export interface RegistrySync {
  /** When it last read or renewed all that concerns it, in milliseconds of the clock; `undefined`: not yet. */
  readonly at: number | undefined;
  /** Reads and renewals that failed. */
  readonly failures: number;
  /** Times that the registry was reached again after it was lost. */
  readonly reconnects: number;
}

/** A balancer's word on the traffic it carries; control shows it. */
export interface LiveView {
  /** Servers of all environments, static ones included. */
  servers(): LiveServer[];
  environments(): LiveEnvironment[];
  listeners(): LiveListener[];
  readonly sync: RegistrySync;
  /** Able to serve: every listener is open and the registry was read at least once. */
  ready(): boolean;
  /** Listener address of each environment as bound (a port of 0 resolved). */
  listening(environment: string): string | undefined;
}

/** The state of a record, as people see it. */
export function stateOf(server: LeasedServer | ServerRecord): ServerState {
  if ('leaseRemaining' in server && server.leaseRemaining < 0) return 'lost';
  if (server.draining || server.leaving || server.movingTo !== undefined) return 'draining';
  if (server.environment === undefined) return 'available';
  return server.running === undefined ? 'joining' : 'ready';
}
