import { isDeepStrictEqual } from 'node:util';
import { FailureStreak } from '../health/failure-streak.ts';
import { parseAddress } from '../model/address.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import { noServerCounts, type ServerCounts } from '../model/counts.ts';
import type { LiveServer } from '../model/live.ts';
import { introductionTo } from '../proxy/server-introduction.ts';
import { Upstream } from '../proxy/upstream.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import { healthOf, type TableServer } from './table.ts';

/** One server of an environment, for as long as it is in the table. Its counts survive every change of its settings, address and health. */
export class LiveMember {
  readonly streak = new FailureStreak();
  /** Time of the clock at which the server last became healthy enough for traffic; undefined while it is not. */
  wellSince: number | undefined;
  #server: TableServer;
  /** The server at its current address; undefined while it is not serving. */
  #upstream: Upstream | undefined;
  /** Upstreams out of rotation that still have exchanges in flight. */
  #retired: Upstream[] = [];
  /** Sum of the counts of retired upstreams that have become idle. */
  #past: ServerCounts | undefined;

  constructor(server: TableServer) {
    this.#server = server;
    this.#ensureUpstream();
  }

  get server(): TableServer {
    return this.#server;
  }

  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Takes new settings. If the server leaves rotation, moves to another address or gets other TLS settings, exchanges in flight finish on the old upstream. */
  update(server: TableServer): void {
    const moved = server.address !== this.#server.address;
    // The streak belongs to one process at one address, and starts from zero after an ejection.
    if (moved || server.instance !== this.#server.instance || server.ejected) this.streak.end();
    if (server.wellSince !== this.#server.wellSince) this.wellSince = undefined;
    const secured = !isDeepStrictEqual(server.tls, this.#server.tls);
    const restated = server.identity !== this.#server.identity;
    this.#server = server;
    if (moved || secured || !server.serving) this.retire();
    if (this.#upstream === undefined) this.#ensureUpstream();
    else if (restated) this.#introduce(this.#upstream);
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

  live(environment: string): LiveServer {
    this.#sumUpIdle();
    const { id, address, weight, reason, incomplete, leaseEndedAt } = this.#server;
    const upstreams = this.#upstream === undefined ? this.#retired : [...this.#retired, this.#upstream];
    const sum = (gauge: (upstream: Upstream) => number) => upstreams.reduce((total, upstream) => total + gauge(upstream), 0);
    return {
      ...this.#counts(upstreams),
      id,
      environment,
      address,
      weight,
      health: healthOf(this.#server),
      ...(incomplete && { incomplete }),
      ...(reason !== undefined && { reason }),
      ...(leaseEndedAt !== undefined && { leaseEndedAt }),
      active: sum((upstream) => upstream.active),
      upgraded: sum((upstream) => upstream.upgraded),
      connections: sum(({ pool }) => pool.open),
      idle: sum(({ pool }) => pool.idle),
    };
  }

  #counts(upstreams: readonly Upstream[]): ServerCounts {
    const all = [...(this.#past ? [this.#past] : []), ...upstreams.map(({ counts }) => counts)];
    return all.length === 0 ? noServerCounts : all.reduce(addCounts);
  }

  #ensureUpstream(): void {
    if (!this.#server.serving || this.#upstream !== undefined) return;
    const { id, address, weight, tls } = this.#server;
    this.#upstream = new Upstream({ id, ...parseAddress(address), weight, secure: tls && new TlsConnector(tls) });
    this.#introduce(this.#upstream);
  }

  #introduce(upstream: Upstream): void {
    const { pool } = upstream;
    const { identity, address } = this.#server;
    upstream.believed = identity !== undefined;
    pool.introduction = identity === undefined ? undefined : introductionTo(identity, address);
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
