import type { Candidate, LoadWatcher } from '../balance/contract.ts';
import type { PeakEwma } from '../balance/peak-ewma.ts';
import { ConnectionPool } from '../http1/connection/connection-pool.ts';
import { processDeadlines } from '../http1/connection/deadlines.ts';
import type { ResponseSink, UpstreamConnection } from '../http1/connection/response-sink.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { type LinkFault, LinkPool } from '../link/link-pool.ts';
import { formatAddress } from '../model/address.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { FailureKind, ServerCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';
import { type ConnectionEnds, type ProxyVersion, proxyHeader } from '../model/proxy-protocol.ts';
import type { TlsConnector } from '../tls/tls-connector.ts';
import type { Blame } from './blame.ts';
import type { ExchangeClient } from './exchange-client.ts';
import { LongResponses, longOctets } from './long-responses.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** Limits of connections unless settings say otherwise (`pool.idleMs`, `pool.ageMs`): the defaults of `upstreamIdle` and `upstreamAge`. */
const poolLimits = { idleMs: 55_000, ageMs: 3_600_000 } as const;

/**
 * The next hop of exchanges: an address with its connection pool, load and counters. Counters are plain numbers, read by exporters when
 * they are scraped.
 */
export class Upstream implements Candidate {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Makes TLS connections; undefined: connections are plain. */
  readonly secure: TlsConnector | undefined;
  readonly pool: UpstreamPool;
  /** Link to the server; undefined: each exchange has a connection of its own. */
  link: LinkPool | undefined;
  #longResponses: LongResponses | undefined;
  /** Version of the PROXY protocol whose header begins each connection; undefined: none. Such a connection belongs to one client. */
  readonly proxyProtocol: ProxyVersion | undefined;
  weight: number;
  /** Attempts begun. */
  requests = 0;
  /** Attempts that failed: all, and by kind. */
  failures = 0;
  readonly failed: Record<FailureKind, number> = {
    'connect-failed': 0,
    'connect-timeout': 0,
    reset: 0,
    'head-timeout': 0,
    'bad-response': 0,
    truncated: 0,
  };
  /** Attempts given up before their response head came. */
  abandoned = 0;
  /** Responses by first digit of the status: index 1 to 5. */
  readonly statuses = [0, 0, 0, 0, 0, 0];
  /** Responses with a 5xx status for which a target or project is to blame. */
  targetErrors = 0;
  /** Attempts that this process could not make: it lacked descriptors, local ports or memory. */
  shortages = 0;
  /** True for a gateway server of this Sluice: believed if it says who is to blame for a 5xx status. */
  believed = false;
  /** Time from the start of an attempt to its response head. */
  readonly latencies = new LatencyHistogram();
  /** Upgraded connections open. */
  upgraded = 0;
  /** Maximum number of concurrent exchanges, upgraded connections not included; 0: no limit. */
  maxActive = 0;
  /** True: its health keeps it out of the choice. */
  out = false;
  /** Exchanges in flight that asked for an upgrade, and upgraded connections: counted only if their number is limited. */
  tunnels = 0;
  /** Kept only if the balancing algorithm uses it. */
  latency: PeakEwma | undefined;
  watcher: LoadWatcher | undefined;
  slot = 0;
  #active = 0;
  #counts: ServerCounts | undefined;
  #countedAt = 0;

  constructor(options: {
    id: string;
    host: string;
    port: number;
    secure?: TlsConnector | undefined;
    guard?: AddressGuard | undefined;
    weight?: number;
    proxyProtocol?: ProxyVersion | undefined;
    /** Default: connections to `host` and `port`. */
    pool?: UpstreamPool;
  }) {
    this.id = options.id;
    this.host = options.host;
    this.port = options.port;
    this.secure = options.secure;
    this.weight = options.weight ?? 1;
    this.proxyProtocol = options.proxyProtocol;
    const { host, port, secure } = this;
    this.pool = options.pool ?? new ConnectionPool({ host, port, secure, guard: options.guard }, processDeadlines, poolLimits);
  }

  /** Its address, as a value of Host. */
  get authority(): string {
    return formatAddress(this.host, this.port);
  }

  /** Exchanges in flight, upgraded connections included. The `watcher` is notified of every change. */
  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const before = this.#active;
    this.#active = active;
    this.watcher?.loadChanged(this.slot, active, before);
  }

  /** Counts a response. @param headMs time to its head @param blame who is to blame for a 5xx status, if not the upstream */
  answered(status: number, headMs: number, blame?: Blame): void {
    this.latencies.observe(headMs);
    if (blame === 'target' || blame === 'project') this.targetErrors++;
    const digit = (status / 100) | 0;
    this.statuses[digit] = (this.statuses[digit] ?? 0) + 1;
  }

  /** Counts a failed attempt. */
  fail(kind: FailureKind): void {
    this.failures++;
    this.failed[kind]++;
  }

  /** Counts so far; the same object as before if nothing was counted since. */
  get counts(): ServerCounts {
    const events = this.#events;
    if (this.#counts !== undefined && this.#countedAt === events) return this.#counts;
    this.#countedAt = events;
    this.#counts = this.#count();
    return this.#counts;
  }

  /** Sum of counts that only rise: it has changed if, and only if, anything was counted. */
  get #events(): number {
    const { requests, failures, shortages, abandoned, statuses, pool } = this;
    return statuses.reduce((sum, count) => sum + count, requests + failures + shortages + abandoned + pool.connects + pool.reuses);
  }

  #count(): ServerCounts {
    const { requests, failures, failed, abandoned, statuses, targetErrors, shortages, latencies, pool } = this;
    const { connects, reuses } = pool;
    const outcomes = { failures, failed: { ...failed }, abandoned, statuses: [...statuses], targetErrors, shortages };
    return { requests, ...outcomes, latencies: latencies.plain, connects, reuses };
  }

  /** Takes an open connection for a request, if there is one: a stream of the link, unless the request or its response is long. */
  take(head: RequestHead): UpstreamConnection | undefined {
    const { link } = this;
    if (link === undefined || head.chunked || head.contentLength > longOctets || head.upgrade || head.expectContinue)
      return this.pool.take();
    if (this.#longResponses?.isLong(head)) return this.pool.take();
    return link.take() ?? this.pool.take();
  }

  /** Lets exchanges share a link, if the server has been introduced. @param onFault called when the server breaks the rules of a link, which is closed */
  share(onFault: LinkFault): void {
    const { pool } = this;
    if (this.link !== undefined || !(pool instanceof ConnectionPool) || pool.introduction === undefined) return;
    this.link = new LinkPool(pool, onFault);
    this.#longResponses ??= new LongResponses();
  }

  /** Gives each exchange a connection of its own again. The link is closed with its last exchange. */
  unshare(): void {
    this.link?.retire();
    this.link = undefined;
  }

  /** Notes the length of a response's body. */
  learn(head: RequestHead, octets: number): void {
    this.#longResponses?.learn(head, octets);
  }

  /** Opens a connection for a request of `client`; `sink` is notified when it is established or has failed. */
  connect(sink: ResponseSink, client: ExchangeClient, connectMs: number): UpstreamConnection {
    const { proxyProtocol, pool } = this;
    return pool.connect(sink, connectMs, proxyProtocol === undefined ? undefined : proxyHeader(proxyProtocol, endsOf(client)));
  }

  get available(): boolean {
    return !this.out && (this.maxActive === 0 || this.#active - this.upgraded < this.maxActive);
  }

  /** Takes this upstream out of use: closes idle connections and keeps none from now on. Exchanges in flight finish. */
  retire(): void {
    this.pool.retire();
    this.link?.retire();
  }

  /** Called when health checks found that this server hangs: exchanges that wait for its response are retried on another server, if they may be. */
  doubt(): void {
    this.pool.doubt();
    this.link?.doubt();
  }

  /** Puts this upstream into use again, after `retire`. */
  revive(): void {
    this.pool.revive();
    this.link?.revive();
  }
}

/** Ends of a client's connection: as a proxy in front announced them, else those of the socket. */
function endsOf({ announced, wire }: ExchangeClient): ConnectionEnds {
  if (announced !== undefined) return announced;
  const { remoteAddress: source = '', remotePort: sourcePort = 0, localAddress: destination = '', localPort: destinationPort = 0 } = wire;
  return { source, sourcePort, destination, destinationPort };
}
