import { Ejection } from '../health/ejection.ts';
import { addLatencies, noLatencies } from '../model/latency.ts';
import type { LiveServer } from '../model/live.ts';
import { parseAddress } from '../model/quantity.ts';
import { Upstream } from '../proxy/upstream.ts';
import type { TableServer } from './table.ts';

/** One server of an environment while this balancer knows it: its counters outlive every change of its settings, address and health. */
export class LiveMember {
  #ejection = new Ejection();
  /** When it last became well enough for traffic; undefined while it is not. */
  wellSince: number | undefined;
  #server: TableServer;
  /** Where it is reached; only while it is serving. */
  #upstream: Upstream | undefined;
  /** Out of rotation, with exchanges in flight. */
  #leaving: Upstream[] = [];
  readonly #past = { requests: 0, failures: 0, statuses: [0, 0, 0, 0, 0, 0], latencies: noLatencies };

  constructor(server: TableServer) {
    this.#server = server;
    this.#place();
  }

  get ejection(): Ejection {
    return this.#ejection;
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
    // A server that was started anew is not blamed for what the former did.
    if (moved || server.instance !== this.#server.instance) this.#ejection = new Ejection();
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

  live(environment: string, now: number): LiveServer {
    this.#settle();
    const { id, address, weight, health, reason } = this.#server;
    const places = this.#upstream === undefined ? this.#leaving : [...this.#leaving, this.#upstream];
    const sum = (count: (upstream: Upstream) => number) => places.reduce((total, upstream) => total + count(upstream), 0);
    return {
      id,
      environment,
      address,
      weight,
      health: health === 'up' && this.ejection.ejected(now) ? 'ejected' : health,
      ...(reason !== undefined && { reason }),
      active: sum((upstream) => upstream.active),
      requests: this.#past.requests + sum((upstream) => upstream.requests),
      failures: this.#past.failures + sum((upstream) => upstream.failures),
      statuses: this.#past.statuses.map((past, digit) => past + sum((upstream) => upstream.statuses[digit] ?? 0)),
      upgraded: sum((upstream) => upstream.upgraded),
      latencies: places.reduce((total, upstream) => addLatencies(total, upstream.latencies), this.#past.latencies),
    };
  }

  #place(): void {
    if (!this.#server.serving || this.#upstream !== undefined) return;
    this.#upstream = new Upstream({ id: this.#server.id, ...parseAddress(this.#server.address), weight: this.#server.weight });
  }

  /** Adds up and forgets the places where nothing is in flight any more. */
  #settle(): void {
    if (this.#leaving.length === 0) return;
    for (const { active, requests, failures, statuses, latencies } of this.#leaving) {
      if (active > 0) continue;
      this.#past.requests += requests;
      this.#past.failures += failures;
      this.#past.latencies = addLatencies(this.#past.latencies, latencies);
      statuses.forEach((count, digit) => {
        this.#past.statuses[digit] = (this.#past.statuses[digit] ?? 0) + count;
      });
    }
    this.#leaving = this.#leaving.filter((upstream) => upstream.active > 0);
  }
}
