import net from 'node:net';
import type { Test } from 'tap';
import type { AccessLog, ExchangeRecord } from '../../src/access-log/contract.ts';
import type { RequestView } from '../../src/http1/message/message-view.ts';
import { parseAddress } from '../../src/model/address.ts';
import { type EnvironmentSpecInput, environmentSpec } from '../../src/model/environment.ts';
import { bindSocket } from '../../src/proxy/bound-socket.ts';
import type { Exchange, Handler, Listener, ListenerSettings, Outcome, Route } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { InProcessListener } from '../../src/proxy/in-process-listener.ts';
import { PassagePool } from '../../src/proxy/passage-pool.ts';
import { RequestQueue } from '../../src/proxy/request-queue.ts';
import { RetryBudget } from '../../src/proxy/retry.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { Peer } from './peer.ts';

/** A passive server: the test takes its connections and writes the responses. */
export class RawServer {
  readonly server = net.createServer({ allowHalfOpen: true, noDelay: true });
  readonly sockets = new Set<net.Socket>();
  /** Connections that the test has not taken yet. */
  readonly #arrived: Peer[] = [];
  readonly #changed = new Condition();
  #closed = false;
  /** Number of connections accepted so far. */
  count = 0;

  constructor() {
    this.server.on('connection', (socket) => {
      this.count++;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      this.#arrived.push(new Peer(socket));
      this.#changed.notify();
    });
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Takes the next connection. Rejects if the server closes before there is one. */
  next(): Promise<Peer> {
    const look = () => {
      if (this.#closed) throw new Error(`the server closed after ${this.count} connections, while another one was expected`);
      return this.#arrived.shift();
    };
    return this.#changed.until(look, { what: 'another connection to the server', seen: () => `${this.count} so far` });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#changed.notify();
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

export interface WorldOptions {
  readonly spec?: EnvironmentSpecInput;
  /** Number of servers; default 1. */
  readonly servers?: number;
  /** Number of ports that refuse connections, which are tried before the servers. */
  readonly deadServers?: number;
  readonly handler?: Omit<Handler, 'fault'>;
  readonly log?: AccessLog;
  readonly route?: Partial<Route>;
  /** Changes each request before it is forwarded, as policies do. */
  readonly edit?: (request: RequestView) => void;
  readonly listener?: Partial<ListenerSettings>;
  /** Settings of a role in front, in the same process, whose only server is the role that uses the route. Default: there is none. */
  readonly front?: EnvironmentSpecInput;
  /** True: the role in front also has the servers of the world, which come second. Default false. */
  readonly elsewhere?: boolean;
}

/** Sluice between raw peers: one listener and one route; the test plays clients and servers. */
export class World {
  readonly listener: Listener;
  readonly servers: readonly RawServer[];
  readonly upstreams: readonly Upstream[];
  readonly outcomes: readonly Outcome[];
  readonly records: readonly ExchangeRecord[];
  /** Bugs reported to the handler. */
  readonly faults: readonly { readonly error: unknown; readonly requestId: string | undefined }[];
  readonly route: Route;
  /** Upstreams without a listener. */
  readonly dead: readonly Upstream[];
  readonly clients: Peer[] = [];

  constructor(parts: Pick<World, 'listener' | 'servers' | 'upstreams' | 'outcomes' | 'records' | 'faults' | 'route' | 'dead'>) {
    this.listener = parts.listener;
    this.servers = parts.servers;
    this.upstreams = parts.upstreams;
    this.outcomes = parts.outcomes;
    this.records = parts.records;
    this.faults = parts.faults;
    this.route = parts.route;
    this.dead = parts.dead;
  }

  get server(): RawServer {
    return this.servers[0] as RawServer;
  }

  get upstream(): Upstream {
    return this.upstreams[0] as Upstream;
  }

  async client(): Promise<Peer> {
    const peer = await Peer.to(this.listener.address);
    this.clients.push(peer);
    return peer;
  }

  /** Sends `text` from a new client, and takes the new connection to the first server: returns both ends. */
  async asked(text: string): Promise<{ client: Peer; server: Peer }> {
    const client = await this.client();
    client.send(text);
    return { client, server: await this.server.next() };
  }

  /** Waits until `count` exchanges are in flight on the listener. */
  async inFlight(count: number): Promise<void> {
    await this.#turnUntil(() => this.listener.active === count, `${count} exchanges in flight`);
  }

  /** Waits until no exchange is in flight on the listener or at an upstream. */
  async quiet(): Promise<void> {
    await this.#turnUntil(
      () => this.listener.active === 0 && this.upstreams.every((upstream) => upstream.active === 0 && upstream.upgraded === 0),
      'no exchange in flight',
    );
  }

  /** Looks after each turn of the event loop; if a hundred turns are not enough, less often. */
  async #turnUntil(reached: () => boolean, what: string): Promise<void> {
    for (let turn = 0; turn < 100; turn++) {
      if (reached()) return;
      await new Promise(setImmediate);
    }
    const active = () => [this.listener.active, ...this.upstreams.map((upstream) => upstream.active + upstream.upgraded)];
    await eventually(active, reached, { what });
  }
}

/** A role that forwards every request to `handler` in this process, then to others. */
function front(handler: Handler, settings: EnvironmentSpecInput, others: readonly Upstream[]): Handler {
  const upstream = new Upstream({ id: 'embedded', host: '', port: 0, pool: new PassagePool(new InProcessListener('', handler)) });
  upstream.believed = true;
  const route: Route = {
    settings: environmentSpec.parse(settings),
    budget: new RetryBudget(),
    pick: (_exchange, tried) => [upstream, ...others].find((one) => !tried.includes(one)),
  };
  return { request: (exchange) => exchange.forward(route), fault: (error, requestId) => handler.fault(error, requestId) };
}

/** Opens a world, and closes it after the test. */
export async function world(t: Test, options: WorldOptions = {}): Promise<World> {
  const spec = environmentSpec.parse(options.spec ?? {});
  const servers = await Promise.all(Array.from({ length: options.servers ?? 1 }, () => new RawServer().open()));
  // Bound without listening, so that no other program gets the port meanwhile.
  const dead = await Promise.all(Array.from({ length: options.deadServers ?? 0 }, () => bindSocket('127.0.0.1:0')));
  const ports = [...dead.map(({ address }) => parseAddress(address).port), ...servers.map(({ port }) => port)];
  const upstreams = ports.map((port) => new Upstream({ id: `server-${port}`, host: '127.0.0.1', port }));
  for (const upstream of upstreams) {
    upstream.maxActive = spec.limits.connectionsPerServer;
    upstream.pool.idleMs = spec.timeouts.upstreamIdle;
  }
  const outcomes: Outcome[] = [];
  const records: ExchangeRecord[] = [];
  const route: Route = {
    settings: spec,
    budget: new RetryBudget(),
    queue: new RequestQueue(),
    pick: (_exchange: Exchange, tried: readonly Upstream[]) =>
      upstreams.find((upstream) => upstream.available && !tried.includes(upstream)),
    observe: (_upstream, outcome) => void outcomes.push({ ...outcome }),
    ...options.route,
  };
  const faults: { error: unknown; requestId: string | undefined }[] = [];
  const handler: Handler = {
    request: (exchange) => {
      options.edit?.(exchange.request);
      exchange.forward(route);
    },
    ...options.handler,
    fault: (error, requestId) => void faults.push({ error, requestId }),
  };
  const inFront = options.front === undefined ? undefined : front(handler, options.front, options.elsewhere ? upstreams : []);
  const { limits, timeouts, trustedProxies, underscores } = spec;
  const { headerBytes, bodyRate, connections } = limits;
  const settings = { headerBytes, bodyRate, connections, timeouts, trustedProxies, underscores, ...options.listener };
  const listener = await openListener('127.0.0.1:0', settings, inFront ?? handler, options.log ?? ((record) => records.push(record)));
  const [gone, there] = [upstreams.slice(0, dead.length), upstreams.slice(dead.length)];
  const made = new World({ listener, servers, upstreams: there, outcomes, records, faults, route, dead: gone });
  t.teardown(async () => {
    for (const client of made.clients) client.socket.destroy();
    await Promise.all(servers.map((server) => server.close()));
    await listener.close(0);
    for (const upstream of upstreams) upstream.retire();
    for (const socket of dead) socket.close();
  });
  return made;
}
