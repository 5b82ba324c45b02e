import type { LiveView } from '../model/live.ts';
import type { Link } from '../registry/contract.ts';
import type { CertificateStore } from '../tls/certificate-store.ts';
import type { IssuedCertificates } from '../tls/issued-certificates.ts';
import type { OpenListener, StartDataPlane } from './data-plane.ts';
import { Director, type DirectorTools } from './director.ts';
import { Listeners } from './listeners.ts';
import type { TableEnvironment, TableReader } from './table.ts';
import type { TicketSecret } from './ticket-secret.ts';

export interface BalancerOptions extends DirectorTools {
  readonly startDataPlane: StartDataPlane;
  /** Certificates of listeners with TLS. */
  readonly certificates: CertificateStore;
  /** Secret of session tickets. */
  readonly tickets: TicketSecret;
  /** Certificates that authorities issue. */
  readonly issued: IssuedCertificates;
  /** Grace period, in milliseconds, of exchanges in flight when their listener is closed because no environment uses it any more. Default 30,000. */
  readonly graceMs?: number;
}

/** A balancer, whose view can be read before it is started. */
export interface Balancer {
  readonly view: LiveView;
  /**
   * Reads the registry and opens every listener. Resolves once all listeners are open; rejects with a `SluiceError` that names the address
   * and the remedy if one cannot be opened. Waits for an unreachable registry; `drain` ends the wait.
   */
  start(): Promise<void>;
  /** Opens a listener that an environment is about to name: see {@link Listeners.reserve}. */
  reserve(address: string): Promise<(made: boolean) => void>;
  /** Stops accepting connections, waits up to `graceMs` for exchanges in flight, then breaks off the rest. */
  drain(graceMs: number): Promise<void>;
}

/** Makes a balancer: `start` reads the registry and opens the listeners, then requests are routed. */
export function createBalancer(options: BalancerOptions): Balancer {
  const { logger, clock, random, startDataPlane, certificates, tickets, issued, graceMs = 30_000 } = options;
  const tables = new Map<string, TableEnvironment>();
  const dataPlane = startDataPlane({
    suspect: (environment, id) => director.suspect(environment, id),
    report: (report) => director.report(report),
  });
  const open: OpenListener = (address, settings, beside) => dataPlane.open(address, settings, beside);
  const listeners = new Listeners({ open, clock, random, logger, certificates, tickets, issued, graceMs });
  let started = false;
  let opened = false;

  const follow = () => listeners.follow(tables.values());
  for (const source of [certificates, issued])
    source.changed = () => {
      if (started) void follow();
    };
  tickets.onChange(() => {
    if (started) void follow();
  });
  const reader: TableReader = {
    *prepare(table) {
      if (dataPlane.prepare !== undefined) yield* dataPlane.prepare(table);
    },
    apply(table) {
      const claims = tables.get(table.name)?.spec;
      tables.set(table.name, table);
      dataPlane.apply(table);
      if (started && claims !== table.spec) void follow();
    },
    remove(name) {
      tables.delete(name);
      dataPlane.remove(name);
      if (started) void follow();
    },
  };
  const director: Director = new Director({ ...options, live: () => dataPlane.servers() }, reader);

  const drain = async (graceMs: number): Promise<void> => {
    const issuing = issued.close();
    // The director runs until the last exchange has ended: a retry must not go to a server that has left meanwhile.
    await listeners.close(graceMs);
    director.stop();
    await issuing;
    certificates.close();
    tickets.stop();
    await dataPlane.close();
  };

  const start = async (): Promise<void> => {
    await director.start();
    // Before the listeners open, so that a restart serves the certificates that there are.
    await issued.load();
    started = true;
    const [failure] = await follow();
    opened = true;
    if (failure === undefined) return;
    await drain(0);
    throw failure;
  };
  const unready = (): string | undefined => {
    if (!director.known) return unread(options.registry.link);
    if (!opened) return 'the listeners are not open yet';
    return listeners.unopened ?? (dataPlane.serving ? undefined : 'no worker process can carry traffic yet');
  };
  return {
    start,
    view: {
      servers: () => dataPlane.servers(),
      serversNamed: (id) => dataPlane.serversNamed(id),
      checkCounts: (environment, id) => director.checkCounts(environment, id),
      isHere: (id, instance) => options.embedded?.isHere(id, instance) === true,
      environments: () => dataPlane.environments(),
      listeners: () => dataPlane.listeners(),
      get sync() {
        return director.sync;
      },
      unready,
      listening: (environment) => listeners.address(environment),
    },
    reserve: (address) => listeners.reserve(address),
    drain,
  };
}

/** Says why the registry has not been read yet. */
function unread({ up, reason, refuses }: Link): string {
  if (!up) return `the registry cannot be reached${reason === undefined ? '' : `: ${reason}`}`;
  return refuses === undefined ? 'the registry has not been read yet' : `the registry refuses writes: ${refuses}`;
}
