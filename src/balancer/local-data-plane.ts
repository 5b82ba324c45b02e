import { addCounts } from '../model/count-arithmetic.ts';
import { type HostConflict, HostTable } from '../model/host-table.ts';
import type { LiveEnvironment, LiveListener, LiveServer } from '../model/live.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ClientCertificates } from '../model/tls.ts';
import { controlTurns } from '../model/turns.ts';
import type { Exchange, Handler, Listener, ListenerSettings, Route } from '../proxy/contract.ts';
import { failures } from '../proxy/failures.ts';
import { logFault } from '../proxy/log-fault.ts';
import { couldBeReserved } from '../routing/reserved-reading.ts';
import { keyOf } from '../tls/tls-files.ts';
import type { DataPlane, OpenedListener } from './data-plane.ts';
import { ServerPool, type ServerPoolTools } from './server-pool.ts';
import type { TableEnvironment } from './table.ts';

export interface LocalDataPlaneTools extends ServerPoolTools {
  /** Opens a listener for `handler`; rejects with the system's error if the address cannot be bound. */
  readonly open: (address: string, settings: ListenerSettings, handler: Handler, beside: boolean) => Promise<Listener>;
}

/** Most addresses without an environment whose hosts are remembered; the oldest is forgotten first. */
const maxFormer = 64;

/** Data plane in this process: listener and Host select an environment, whose pool selects a server. */
export class LocalDataPlane implements Handler, DataPlane {
  readonly serving = true;
  readonly #tools: LocalDataPlaneTools;
  /** In order of arrival: the earlier environment keeps a host that two claim. */
  readonly #environments = new Map<string, Served>();
  readonly #listeners = new Map<Listener, string>();
  #hosts = new HostTable([]);
  /** Hosts of addresses that no environment names any more: until their listeners have closed, requests still arrive there. */
  readonly #former = new Map<string, HostTable>();
  #loggedConflicts = new Set<string>();
  /** The pool of an environment that is not there yet. */
  #next: { readonly table: TableEnvironment; readonly pool: ServerPool } | undefined;

  constructor(tools: LocalDataPlaneTools) {
    this.#tools = tools;
  }

  request(exchange: Exchange): void {
    controlTurns.requests++;
    const { listener } = exchange;
    const { authority } = exchange.request;
    const name = this.#hosts.find(listener, authority) ?? this.#former.get(listener)?.find(listener, authority);
    const environment = name === undefined ? undefined : this.#environments.get(name);
    if (environment !== undefined && exchange.secure) exchange.ownFields = environment.pool.secureFields;
    if (!exchange.request.plain && couldBeReserved(exchange.request.path)) {
      exchange.fail(failures.reserved);
      return;
    }
    if (environment === undefined) {
      exchange.fail(failures.noEnvironment);
      return;
    }
    exchange.counter = environment.pool.counter;
    if (environment.clients !== undefined && !identified(exchange, environment.clients)) return;
    exchange.forward(environment.pool);
  }

  fault(error: unknown, requestId: string | undefined): void {
    logFault(this.#tools.logger, error, requestId);
  }

  async open(address: string, settings: ListenerSettings, beside = false): Promise<OpenedListener> {
    const listener = await this.#tools.open(address, settings, this, beside);
    this.#listeners.set(listener, address);
    return {
      get address() {
        return listener.address;
      },
      update: (settings) => listener.update(settings),
      close: (graceMs) => listener.close(graceMs).finally(() => this.#listeners.delete(listener)),
    };
  }

  *prepare(table: TableEnvironment): Pieces<void> {
    const present = this.#environments.get(table.name);
    if (present !== undefined) yield* present.pool.prepare(table);
    else {
      const pool = new ServerPool({ ...table, servers: [] }, this.#tools);
      yield* pool.prepare(table);
      this.#next = { table, pool };
    }
  }

  apply(table: TableEnvironment): void {
    const present = this.#environments.get(table.name);
    if (present) {
      const isSame = sameClaims(present.table, table);
      present.table = table;
      present.clients = demandOf(table);
      present.pool.apply(table);
      if (!isSame) this.#mapHosts();
    } else {
      this.#environments.set(table.name, { table, clients: demandOf(table), pool: this.#poolFor(table) });
      this.#mapHosts();
    }
  }

  #poolFor(table: TableEnvironment): ServerPool {
    const next = this.#next;
    this.#next = undefined;
    if (next?.table !== table) return new ServerPool(table, this.#tools);
    next.pool.apply(table);
    return next.pool;
  }

  remove(name: string): void {
    this.#environments.get(name)?.pool.close();
    this.#environments.delete(name);
    this.#mapHosts();
  }

  route(name: string): Route | undefined {
    return this.#environments.get(name)?.pool;
  }

  *servers(): Generator<LiveServer> {
    for (const { pool } of this.#environments.values()) yield* pool.servers();
  }

  serversNamed(id: string): LiveServer[] {
    return [...this.#environments.values()].flatMap(({ pool }) => pool.serverNamed(id) ?? []);
  }

  environments(): LiveEnvironment[] {
    return [...this.#environments.values()].map(({ pool }) => pool.live());
  }

  listeners(): LiveListener[] {
    return liveListeners(this.#listeners);
  }

  /** Stops every timer. */
  async close(): Promise<void> {
    for (const { pool } of this.#environments.values()) pool.close();
  }

  #mapHosts(): void {
    const before = this.#hosts;
    this.#hosts = new HostTable([...this.#environments.values()].map(({ table: { name, spec } }) => ({ name, ...spec })));
    for (const address of before.listeners) if (!this.#hosts.listeners.has(address)) this.#former.set(address, before);
    for (const address of this.#former.keys())
      if (this.#hosts.listeners.has(address) || this.#former.size > maxFormer) this.#former.delete(address);
    const descriptions = new Set<string>();
    for (const conflict of this.#hosts.conflicts) {
      const description = describe(conflict);
      descriptions.add(description);
      if (!this.#loggedConflicts.has(description)) this.#tools.logger.warn({ environment: conflict.loser }, description);
    }
    this.#loggedConflicts = descriptions;
  }
}

interface Served {
  table: TableEnvironment;
  /** Undefined: clients need no certificate. */
  clients: Demand | undefined;
  readonly pool: ServerPool;
}

/** The certificates that clients of an environment must show. */
interface Demand extends Pick<ClientCertificates, 'require' | 'chain'> {
  /** Key of the files with their authorities. */
  readonly files: string;
}

function demandOf({ spec }: TableEnvironment): Demand | undefined {
  const { clientCertificates } = spec.tls ?? {};
  return clientCertificates && { ...clientCertificates, files: keyOf(clientCertificates) };
}

/** Refuses a request whose client has not shown the certificate that its environment demands. */
function identified(exchange: Exchange, { files, require, chain }: Demand): boolean {
  const shown = exchange.identify?.(files, chain) ?? 'missing';
  if (shown === 'accepted' || (shown === 'missing' && !require)) return true;
  exchange.fail(shown === 'missing' ? failures.noClientCertificate : failures.badClientCertificate);
  return false;
}

/** Counts of open listeners by configured address, added up: a closing listener may already have a successor at the same address. */
export function liveListeners(open: ReadonlyMap<Pick<Listener, 'connections' | 'limit' | 'counts'>, string>): LiveListener[] {
  const byAddress = new Map<string, LiveListener>();
  for (const [{ connections, limit, counts }, listen] of open) {
    const other = byAddress.get(listen);
    const live = { ...counts, listen, connections, limit };
    byAddress.set(
      listen,
      other === undefined ? live : { ...addCounts(omitName(other), omitName(live)), listen, limit: Math.max(other.limit, limit) },
    );
  }
  return [...byAddress.values()];
}

function omitName({ listen: _, ...counts }: LiveListener): Omit<LiveListener, 'listen'> {
  return counts;
}

function sameClaims(one: TableEnvironment, other: TableEnvironment): boolean {
  return one.spec.listen === other.spec.listen && one.spec.hosts.join() === other.spec.hosts.join();
}

function describe({ listen, host, winner, loser }: HostConflict): string {
  return host === undefined
    ? `environments ${winner} and ${loser} share ${listen} and neither names hosts: ${loser} gets no requests until it is given hosts or another listener`
    : `environments ${winner} and ${loser} both claim host ${host} on ${listen}: requests for it go to ${winner}; give ${loser} another host or listener`;
}
