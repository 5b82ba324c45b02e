import { FailureStreak } from '../health/failure-streak.ts';
import { addCounts } from '../model/count-arithmetic.ts';
import { noServerCounts, type ServerCounts } from '../model/counts.ts';
import type { LiveServer } from '../model/live.ts';
import { parseAddress } from '../model/quantity.ts';
import { Upstream } from '../proxy/upstream.ts';
import { healthOf, type TableServer } from './table.ts';

/** One server of an environment while this balancer knows it: its counters outlive every change of its settings, address and health. */
export class LiveMember {
  readonly streak = new FailureStreak();
  /** When it last became well enough for traffic; undefined while it is not. */
  wellSince: number | undefined;
  #server: TableServer;
  /** Where it is reached; only while it is serving. */
  #upstream: Upstream | undefined;
  /** Out of rotation, with exchanges in flight. */
  #leaving: Upstream[] = [];
  /** What was counted at places that it has left. */
  #past: ServerCounts | undefined;

  constructor(server: TableServer) {
    this.#server = server;
    this.#place();
  }

  get server(): TableServer {
    return this.#server;
  }

  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Takes over new settings. Out of rotation or at another address, what is in flight finishes where it is. */
  adopt(server: TableServer): void {
    const moved = server.address !== this.#server.address;
    // A server that was started anew is not blamed for what the former did, and one that was ejected begins anew.
    if (moved || server.instance !== this.#server.instance || server.ejected) this.streak.broken();
    if (server.wellSince !== this.#server.wellSince) this.wellSince = undefined;
    this.#server = server;
    if (moved || !server.serving) this.retire();
    this.#place();
  }

  /** Nothing new for it; its idle connections are closed. */
  retire(): void {
    this.#settle();
    if (this.#upstream === undefined) return;
    this.#upstream.watcher = undefined;
    this.#upstream.retire();
    this.#leaving.push(this.#upstream);
    this.#upstream = undefined;
  }

  live(environment: string): LiveServer {
    this.#settle();
    const { id, address, weight, reason } = this.#server;
    const places = this.#upstream === undefined ? this.#leaving : [...this.#leaving, this.#upstream];
    const sum = (level: (upstream: Upstream) => number) => places.reduce((total, upstream) => total + level(upstream), 0);
    return {
      ...this.#counts(places),
      id,
      environment,
      address,
      weight,
      health: healthOf(this.#server),
      ...(reason !== undefined && { reason }),
      active: sum((upstream) => upstream.active),
      upgraded: sum((upstream) => upstream.upgraded),
      connections: sum(({ pool }) => pool.open),
      idle: sum(({ pool }) => pool.idle),
    };
  }

  #counts(places: readonly Upstream[]): ServerCounts {
    const all = [...(this.#past ? [this.#past] : []), ...places.map(({ counts }) => counts)];
    return all.length === 0 ? noServerCounts : all.reduce(addCounts);
  }

  #place(): void {
    if (!this.#server.serving || this.#upstream !== undefined) return;
    this.#upstream = new Upstream({ id: this.#server.id, ...parseAddress(this.#server.address), weight: this.#server.weight });
  }

  /** Adds up and forgets the places where nothing is in flight any more. */
  #settle(): void {
    if (this.#leaving.length === 0) return;
    for (const { active, counts } of this.#leaving) {
      if (active === 0) this.#past = addCounts(this.#past ?? noServerCounts, counts);
    }
    this.#leaving = this.#leaving.filter((upstream) => upstream.active > 0);
  }
}
