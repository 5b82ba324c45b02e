import { isDeepStrictEqual } from 'node:util';
import { PeakEwma } from '../balance/peak-ewma.ts';
import { FailureStreak } from '../health/failure-streak.ts';
import { parseAddress } from '../model/address.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import { noServerCounts, type ServerCounts } from '../model/counts.ts';
import type { LiveServer, ServerGauges } from '../model/live.ts';
import { introductionTo } from '../proxy/server-introduction.ts';
import { Upstream } from '../proxy/upstream.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import type { EmbeddedPools } from './embedded-servers.ts';
import { hopConnector, type MemberHop } from './hop.ts';
import { healthOf, type TableServer } from './table.ts';

/** Settings of an environment that hold for each of its servers alike: the same object while none of them changes. */
export interface MemberTerms {
  readonly connectionsPerServer: number;
  readonly idleMs: number;
  readonly ageMs: number;
  /** Exchanges may share a link. */
  readonly linked: boolean;
  /** The balancing algorithm goes by latency. */
  readonly timed: boolean;
  /** Ways to servers of this process. */
  readonly pools?: EmbeddedPools | undefined;
  /** Called when a server breaks the rules of a link. */
  readonly onLinkFault: (id: string, reason: string) => void;
}

/** One server of an environment, for as long as it is in the table. Its counts survive every change of its settings, address and health. */
export class LiveMember {
  readonly streak = new FailureStreak();
  /** Time of the clock at which the server last became healthy enough for traffic; undefined while it is not. */
  wellSince: number | undefined;
  #server: TableServer;
  #hop: MemberHop | undefined;
  #terms: MemberTerms | undefined;
  /** The server at its current address; undefined while it is not serving. */
  #upstream: Upstream | undefined;
  /** Made by {@link prepare}. */
  #prepared: Prepared | undefined;
  /** Upstreams out of rotation that still have exchanges in flight. */
  #retired: Upstream[] = [];
  /** Sum of the counts of retired upstreams that have become idle. */
  #past: ServerCounts | undefined;
  /** Result of `live` at its last call, and what it was made of. */
  #last: { readonly server: TableServer; readonly counts: ServerCounts; readonly live: LiveServer } | undefined;

  /**
   * @param hop credentials for a server with a `hopKey`
   * @param terms default: those of a new upstream
   */
  constructor(server: TableServer, hop?: MemberHop, terms?: MemberTerms) {
    this.#server = server;
    this.#hop = hop;
    this.#terms = terms;
    this.#ensureUpstream();
  }

  get server(): TableServer {
    return this.#server;
  }

  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Makes beforehand what takes longest in {@link update} with these very settings; nothing is in use before that. */
  prepare(server: TableServer, hop?: MemberHop, terms = this.#terms): void {
    this.#prepared = undefined;
    if ((server === this.#server && hop === this.#hop) || !server.serving || server.embedded) return;
    this.#sumUpIdle();
    const { moved, secured, restarted } = this.#changes(server);
    const stays = this.#upstream !== undefined && !(moved || secured || restarted);
    if (stays && hop === this.#hop && server.identity === this.#server.identity) return;
    const introduction = this.#introductionOf(server);
    const upstream = stays ? undefined : upstreamTo(server, hop);
    if (upstream !== undefined) this.#introduce(upstream, server, terms, introduction);
    this.#prepared = { server, hop, terms, introduction, upstream };
  }

  /** Takes new settings. If the server leaves rotation, moves to another address or gets other TLS settings, exchanges in flight finish on the old upstream. */
  update(server: TableServer, hop?: MemberHop, terms = this.#terms): void {
    if (server === this.#server && hop === this.#hop && terms === this.#terms) return;
    const { moved, secured, restarted } = this.#changes(server);
    // The streak belongs to one process at one address, and starts from zero after an ejection.
    if (moved || server.instance !== this.#server.instance || server.ejected) this.streak.end();
    if (server.wellSince !== this.#server.wellSince) this.wellSince = undefined;
    const restated = server.identity !== this.#server.identity;
    if (hop !== this.#hop && hop !== undefined && server.hopKey !== undefined && !secured) this.#upstream?.secure?.adopt(hop.settings);
    const [otherHop, otherTerms] = [hop !== this.#hop, terms !== this.#terms];
    this.#server = server;
    this.#hop = hop;
    this.#terms = terms;
    if (moved || secured || !server.serving || restarted) this.retire();
    if (this.#upstream === undefined) this.#ensureUpstream();
    else if (restated || otherHop) this.#introduce(this.#upstream, server, terms, this.#ready?.introduction);
    else if (otherTerms) this.#settle(this.#upstream, server, terms);
    this.#prepared = undefined;
  }

  /** Changes after which the connections that the server has now cannot be used: it is elsewhere, its TLS is another, or it is another embedded server. */
  #changes({ address, proxyProtocol, tls, hopKey, embedded, instance }: TableServer): {
    moved: boolean;
    secured: boolean;
    restarted: boolean;
  } {
    const before = this.#server;
    return {
      moved: address !== before.address || proxyProtocol !== before.proxyProtocol,
      secured: hopKey !== before.hopKey || !(tls === before.tls || isDeepStrictEqual(tls, before.tls)),
      restarted: embedded === true && instance !== before.instance,
    };
  }

  /** Takes the server out of rotation and closes its idle connections. */
  retire(): void {
    this.#sumUpIdle();
    if (this.#upstream === undefined) return;
    this.#upstream.watcher = undefined;
    this.#upstream.retire();
    this.#retired.push(this.#upstream);
    this.#upstream = undefined;
  }

  /** The server with its counts: the same object as before if nothing has changed since, so that a server at rest costs next to nothing. */
  live(environment: string): LiveServer {
    this.#sumUpIdle();
    const gauges = { active: 0, upgraded: 0, connections: 0, idle: 0 };
    for (const upstream of this.#retired) addGauges(gauges, upstream);
    if (this.#upstream !== undefined) addGauges(gauges, this.#upstream);
    const counts = this.#counts();
    const last = this.#last;
    if (last?.server === this.#server && last.counts === counts && last.live.environment === environment && sameGauges(last.live, gauges))
      return last.live;
    const live = liveServer(environment, this.#server, { ...counts, ...gauges });
    this.#last = { server: this.#server, counts, live };
    return live;
  }

  #counts(): ServerCounts {
    if (this.#past === undefined && this.#retired.length === 0) return this.#upstream?.counts ?? noServerCounts;
    const upstreams = this.#upstream === undefined ? this.#retired : [...this.#retired, this.#upstream];
    return upstreams.reduce((sum, { counts }) => addCounts(sum, counts), this.#past ?? noServerCounts);
  }

  #ensureUpstream(): void {
    if (!this.#server.serving || this.#upstream !== undefined) return;
    const { id, weight, embedded } = this.#server;
    const prepared = this.#ready?.upstream;
    if (embedded) {
      const pool = this.#terms?.pools?.(id);
      if (pool === undefined) return;
      this.#upstream = new Upstream({ id, host: '', port: 0, weight, pool });
    } else if (prepared !== undefined) {
      this.#upstream = prepared;
      return;
    } else this.#upstream = upstreamTo(this.#server, this.#hop);
    this.#introduce(this.#upstream, this.#server, this.#terms);
  }

  /** Made beforehand for the present settings, if it was. */
  get #ready(): Prepared | undefined {
    const prepared = this.#prepared;
    const isReady = prepared?.server === this.#server && prepared.hop === this.#hop && prepared.terms === this.#terms;
    return isReady ? prepared : undefined;
  }

  #introduce(upstream: Upstream, server: TableServer, terms: MemberTerms | undefined, introduction = this.#introductionOf(server)): void {
    upstream.believed = introduction !== undefined;
    upstream.pool.introduction = introduction;
    if (introduction === undefined) upstream.unshare();
    this.#settle(upstream, server, terms);
  }

  /** Proofs are made of the credentials of the time at which a connection is first opened. */
  #introductionOf({ identity, address, hopKey }: TableServer): Introduction | undefined {
    if (identity === undefined) return undefined;
    return introductionTo(identity, address, hopKey === undefined ? () => this.#hop?.proofTo(identity) : undefined);
  }

  /** Brings the upstream to the settings of its environment. */
  #settle(upstream: Upstream, { id }: TableServer, terms: MemberTerms | undefined): void {
    if (terms === undefined) return;
    const { connectionsPerServer, idleMs, ageMs, linked, timed } = terms;
    upstream.maxActive = connectionsPerServer;
    // A connection that was introduced with one client's address is not kept for another client.
    upstream.pool.idleMs = upstream.proxyProtocol === undefined ? idleMs : 0;
    upstream.pool.ageMs = ageMs;
    if (linked) upstream.share((reason) => terms.onLinkFault(id, reason));
    else upstream.unshare();
    if (timed) upstream.latency ??= new PeakEwma();
    else upstream.latency = undefined;
  }

  /** Adds the counts of retired upstreams without exchanges in flight to `#past` and forgets these upstreams. */
  #sumUpIdle(): void {
    if (this.#retired.length === 0) return;
    for (const { active, counts } of this.#retired) {
      if (active === 0) this.#past = addCounts(this.#past ?? noServerCounts, counts);
    }
    this.#retired = this.#retired.filter((upstream) => upstream.active > 0);
  }
}

type Introduction = ReturnType<typeof introductionTo>;

/** Made beforehand for settings. */
interface Prepared {
  readonly server: TableServer;
  readonly hop: MemberHop | undefined;
  readonly terms: MemberTerms | undefined;
  readonly introduction: Introduction | undefined;
  /** Undefined: the present one stays. */
  readonly upstream: Upstream | undefined;
}

function upstreamTo({ id, address, weight, tls, hopKey, proxyProtocol }: TableServer, hop: MemberHop | undefined): Upstream {
  const secure = hopKey === undefined ? tls && new TlsConnector(tls) : hopConnector(hop, id, hopKey);
  return new Upstream({ id, ...parseAddress(address), weight, secure, proxyProtocol });
}

/** A server of a table as the balancer shows it. */
export function liveServer(environment: string, server: TableServer, counts: ServerCounts & ServerGauges): LiveServer {
  const { id, address, weight, reason, incomplete, leaseEndedAt, hopKey } = server;
  return {
    ...counts,
    id,
    environment,
    address,
    weight,
    health: healthOf(server),
    ...(incomplete && { incomplete }),
    ...(reason !== undefined && { reason }),
    ...(leaseEndedAt !== undefined && { leaseEndedAt }),
    ...(hopKey !== undefined && { mutualTls: true }),
  };
}

function addGauges(sum: Record<keyof ServerGauges, number>, { active, upgraded, pool, link }: Upstream): void {
  sum.active += active;
  sum.upgraded += upgraded;
  sum.connections += pool.open + (link?.open ?? 0);
  sum.idle += pool.idle;
}

function sameGauges(one: ServerGauges, other: ServerGauges): boolean {
  return one.active === other.active && one.upgraded === other.upgraded && one.connections === other.connections && one.idle === other.idle;
}
