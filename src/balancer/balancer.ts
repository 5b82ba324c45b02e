import type { LiveView } from '../model/live.ts';
import type { OpenListener, StartDataPlane } from './data-plane.ts';
import { Director, type DirectorTools } from './director.ts';
import { Listeners } from './listeners.ts';
import type { TableEnvironment, TableReader } from './table.ts';

export interface BalancerOptions extends DirectorTools {
  readonly startDataPlane: StartDataPlane;
  /** Milliseconds for what is in flight on a listener whose environment goes away while the balancer runs. Default 30,000. */
  readonly graceMs?: number;
}

/** A running balancer. */
export interface Balancer {
  readonly view: LiveView;
  /** Stops accepting, lets what is in flight finish for up to `graceMs`, then ends the rest. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts the role: reads the registry, opens every listener, routes what comes in. Settles once all of them are open;
 * rejects with a `SluiceError` naming the address and the remedy if one cannot be. Waits for a registry that is away.
 */
export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const { logger, clock, random, startDataPlane, graceMs = 30_000 } = options;
  const tables = new Map<string, TableEnvironment>();
  const traffic = startDataPlane({
    suspect: (environment, id) => director.suspect(environment, id),
    report: (report) => director.report(report),
  });
  const open: OpenListener = (address, settings) => traffic.open(address, settings);
  const listeners = new Listeners({ open, clock, random, logger, graceMs });
  let started = false;

  const follow = () => listeners.follow(tables.values());
  const reader: TableReader = {
    apply(table) {
      const claims = tables.get(table.name)?.spec;
      tables.set(table.name, table);
      traffic.apply(table);
      if (started && claims !== table.spec) void follow();
    },
    remove(name) {
      tables.delete(name);
      traffic.remove(name);
      if (started) void follow();
    },
  };
  const director: Director = new Director(options, reader);

  const drain = async (graceMs: number): Promise<void> => {
    // RegistryView goes on while the last exchanges do: a retry must not be sent to somebody who has left.
    await listeners.close(graceMs);
    director.stop();
    await traffic.close();
  };

  await director.start();
  started = true;
  const [failure] = await follow();
  if (failure !== undefined) {
    await drain(0);
    throw failure;
  }
  return {
    view: {
      servers: () => traffic.servers().map((server) => ({ ...server, checks: director.judged(server.environment, server.id) })),
      environments: () => traffic.environments(),
      listeners: () => traffic.listeners(),
      get sync() {
        return director.sync;
      },
      ready: () => director.known && listeners.open && traffic.serving,
      listening: (environment) => listeners.address(environment),
    },
    drain,
  };
}
