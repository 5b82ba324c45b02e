import * as z from 'zod';
import type { EnvironmentCounts, ListenerCounts, ServerCounts } from './counts.ts';
import type { LeasedServer, ServerRecord } from './server.ts';

/** State of a server, as people see it. `lost`: its lease ended without notice, and it does not answer either. */
export const serverState = z.enum(['available', 'joining', 'ready', 'draining', 'lost']);
export type ServerState = z.output<typeof serverState>;

/** Health of a server, as a balancer sees it. `unknown`: not checked yet, or not checked at all because it is in no environment. */
export const healthState = z.enum(['up', 'down', 'ejected', 'unknown']);
export type HealthState = z.output<typeof healthState>;

/** Present values of one server. */
export interface ServerGauges {
  /** Exchanges in flight, upgraded connections included. */
  readonly active: number;
  /** Upgraded connections. */
  readonly upgraded: number;
  /** Open connections, idle ones included, upgraded ones not. */
  readonly connections: number;
  /** Open connections that are kept for the next request. */
  readonly idle: number;
}

/** A balancer's health and counts of one server. Counts survive every configuration change. */
export interface LiveServer extends ServerCounts, ServerGauges {
  readonly id: string;
  readonly environment: string;
  readonly address: string;
  readonly weight: number;
  readonly health: HealthState;
  /** True if the server gets no requests because it rejected a project that other servers serve. */
  readonly incomplete?: true;
  /** Why the server is down or incomplete, or in rotation without a lease, for people. */
  readonly reason?: string;
  /** Date at which the server's lease ended, in milliseconds since 1970, if it stays in rotation because it still answers. */
  readonly leaseEndedAt?: number;
  /** True if this balancer speaks mutual TLS to the server. */
  readonly mutualTls?: true;
}

/** Errors of a server since the balancer started: 5xx responses and attempts without a response, by who is to blame. */
export function errorsOf({ statuses, failures, targetErrors }: ServerCounts): { serverErrors: number; targetErrors: number } {
  return { serverErrors: Math.max(0, (statuses[5] ?? 0) + failures - targetErrors), targetErrors };
}

/** Health checks of one server, and their effects. Counts only grow. */
export interface CheckCounts {
  /** Checks by result: `passed`, or the reason of the failure. */
  readonly results: Readonly<Record<string, number>>;
  /** Changes of health caused by checks. */
  readonly flips: { readonly up: number; readonly down: number };
  /** Ejections by the kind of the last failure. */
  readonly ejections: Readonly<Record<string, number>>;
}

/** Present values of one environment. */
export interface EnvironmentGauges {
  /** Requests that wait for a server below its limit. */
  readonly waiting: number;
  /** Processes that ignore health, because too few servers are healthy. */
  readonly panicking: number;
}

/** A balancer's counts of one environment. */
export interface LiveEnvironment extends EnvironmentCounts, EnvironmentGauges {
  readonly name: string;
}

/** A balancer's counts of one listener. */
export interface LiveListener extends ListenerCounts {
  /** Address as configured. */
  readonly listen: string;
  /** Open client connections, tunnels included. */
  readonly connections: number;
  /** Greatest number of them, in all processes that serve the listener; 0: no limit is known. */
  readonly limit: number;
}

/** Synchronisation of a process with the registry. */
export interface RegistrySync {
  /** Time of the last complete read or renewal, in milliseconds of the clock; `undefined`: none yet. */
  readonly at: number | undefined;
  /** Failed reads and renewals. */
  readonly failures: number;
  /** Times that the registry was reached again after its loss. */
  readonly reconnects: number;
}

/** A balancer's view of the traffic it carries; the admin API shows it. */
export interface LiveView {
  /**
   * Servers of all environments, static ones included, each made when the iteration reaches it, so that an iteration over thousands can be
   * spread over turns of the event loop. The same object stands for a server as long as nothing of it has changed.
   */
  servers(): Iterable<LiveServer>;
  /** Servers with this id: one at most in each environment. */
  serversNamed(id: string): LiveServer[];
  checkCounts(environment: string, id: string): CheckCounts;
  /** True if a start of a server is a part of this balancer. */
  isHere(id: string, instance: string): boolean;
  environments(): LiveEnvironment[];
  listeners(): LiveListener[];
  readonly sync: RegistrySync;
  /** Why the balancer cannot serve yet; undefined if it can: every listener is open and the registry was read at least once. */
  unready(): string | undefined;
  /** Address that an environment's listener is bound to (a configured port of 0 is resolved). */
  listening(environment: string): string | undefined;
}

/** State of a server by its record. */
export function stateOf(server: LeasedServer | ServerRecord): ServerState {
  if ('leaseRemaining' in server && server.leaseRemaining < 0) return 'lost';
  if (server.draining || server.leaving || server.movingTo !== undefined) return 'draining';
  if (server.environment === undefined) return 'available';
  return server.running === undefined ? 'joining' : 'ready';
}
