import {
  type EnvironmentCounts,
  type ListenerCounts,
  noEnvironmentCounts,
  noListenerCounts,
  noServerCounts,
  type ServerCounts,
} from '../../model/counts.ts';
import type { EnvironmentGauges, LiveEnvironment, LiveListener, LiveServer, ServerGauges } from '../../model/live.ts';
import { liveServer } from '../live-member.ts';
import type { TableEnvironment, TableServer } from '../table.ts';
import { SummedCounts } from './summed-counts.ts';
import { type ListenerGauges, serverKey, type WorkerCounts } from './worker-counts.ts';

/** Sums of all workers' counts of servers, environments and listeners. */
export class FleetCounts {
  readonly #servers = new SummedCounts<ServerCounts, ServerGauges>(noServerCounts, { active: 0, upgraded: 0, connections: 0, idle: 0 });
  readonly #environments = new SummedCounts<EnvironmentCounts, EnvironmentGauges>(noEnvironmentCounts, { waiting: 0, panicking: 0 });
  readonly #listeners = new SummedCounts<ListenerCounts, ListenerGauges>(noListenerCounts, { connections: 0, limit: 0 });
  readonly #ids = new Map<string, ReadonlySet<string>>();
  /** Result of `server` at its last call for each server of a table, with the sums that it was made of. */
  readonly #live = new WeakMap<TableServer, { readonly sums: ServerCounts & ServerGauges; readonly live: LiveServer }>();

  /** Counts exactly these servers of the environment from now on; forgets the others. */
  follow({ name, servers }: Pick<TableEnvironment, 'name' | 'servers'>): void {
    const ids = new Set(servers.map(({ id }) => id));
    for (const id of this.#ids.get(name) ?? []) if (!ids.has(id)) this.#servers.drop(serverKey(name, id));
    for (const id of ids) this.#servers.follow(serverKey(name, id));
    this.#ids.set(name, ids);
    this.#environments.follow(name);
  }

  remove(environment: string): void {
    this.follow({ name: environment, servers: [] });
    this.#environments.drop(environment);
    this.#ids.delete(environment);
  }

  /** @param listen as configured */
  followListener(listen: string): void {
    this.#listeners.follow(listen);
  }

  removeListener(listen: string): void {
    this.#listeners.drop(listen);
  }

  add(worker: number, { servers, environments, listeners }: WorkerCounts): void {
    this.#servers.add(worker, servers);
    this.#environments.add(worker, environments);
    this.#listeners.add(worker, listeners);
  }

  /** Drops the gauges of a worker that has ended; its counts stay in the sums. */
  forget(worker: number): void {
    for (const sums of [this.#servers, this.#environments, this.#listeners]) sums.forget(worker);
  }

  /** Exchanges in flight in one worker, without upgraded connections. */
  active(worker: number): number {
    const { active, upgraded } = this.#servers.gaugesIn(worker);
    return active - upgraded;
  }

  *servers({ name, servers }: TableEnvironment): Generator<LiveServer> {
    for (const server of servers) yield this.server(name, server);
  }

  server(environment: string, server: TableServer): LiveServer {
    const sums = this.#servers.of(serverKey(environment, server.id));
    const known = this.#live.get(server);
    if (known?.sums === sums) return known.live;
    const live = liveServer(environment, server, sums);
    this.#live.set(server, { sums, live });
    return live;
  }

  environments(): LiveEnvironment[] {
    return this.#environments.keys.map((name) => ({ ...this.#environments.of(name), name }));
  }

  listeners(): LiveListener[] {
    return this.#listeners.keys.map((listen) => ({ ...this.#listeners.of(listen), listen }));
  }
}
