import type { Latencies } from './latency.ts';
import type { LeasedServer, ServerRecord } from './server.ts';

/** `lost`: its lease ended without a word. */
export type ServerState = 'available' | 'joining' | 'ready' | 'draining' | 'lost';
/** `unknown`: not checked yet, or checked by nobody because it is in no environment. */
export type HealthState = 'up' | 'down' | 'ejected' | 'unknown';

/** What a balancer knows of one server beside its record; counters survive every configuration change. */
export interface LiveServer {
  readonly id: string;
  readonly environment: string;
  readonly address: string;
  readonly weight: number;
  readonly health: HealthState;
  /** Why it is down, for people. */
  readonly reason?: string;
  /** Exchanges in flight. */
  readonly active: number;
  /** Exchanges begun. */
  readonly requests: number;
  /** Attempts that failed: no connection, reset, timeout. */
  readonly failures: number;
  /** Responses by first digit of the status: index 1 to 5. */
  readonly statuses: readonly number[];
  readonly upgraded: number;
  /** From sending a request to the head of its response; of all answers so far. */
  readonly latencies: Latencies;
}

/** A balancer's word on the traffic it carries; control shows it. */
export interface LiveView {
  /** Servers of all environments, static ones included. */
  servers(): LiveServer[];
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
