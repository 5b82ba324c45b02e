import type { Candidate, LoadWatcher } from '../balance/contract.ts';
import type { PeakEwma } from '../balance/peak-ewma.ts';
import { processDeadlines } from '../http1/deadlines.ts';
import { Pool } from '../http1/pool.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** How long an idle connection is kept until an exchange says otherwise, in milliseconds. */
const idleMs = 55_000;

/** Somewhere requests can be sent: an address, and what is going on there. Counters are plain numbers; exporters read them when asked. */
export class Upstream implements Candidate {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** TLS, with the certificate checked against `host`. */
  readonly tls: boolean;
  readonly pool: Pool;
  weight: number;
  /** Attempts begun. */
  requests = 0;
  /** Attempts that ended without a response. */
  failures = 0;
  /** Responses by first digit of the status: index 1 to 5. */
  readonly statuses = [0, 0, 0, 0, 0, 0];
  /** From sending to the head of the response. */
  readonly latencies = new LatencyHistogram();
  /** Upgraded connections open. */
  upgraded = 0;
  /** Exchanges allowed at a time; 0: no limit. */
  maxActive = 0;
  /** Kept where balancing looks at it. */
  latency: PeakEwma | undefined;
  watcher: LoadWatcher | undefined;
  slot = 0;
  #active = 0;

  constructor(place: { id: string; host: string; port: number; tls?: boolean; weight?: number }) {
    this.id = place.id;
    this.host = place.host;
    this.port = place.port;
    this.tls = place.tls ?? false;
    this.weight = place.weight ?? 1;
    this.pool = new Pool({ host: this.host, port: this.port, tls: this.tls }, processDeadlines, idleMs);
  }

  /** Exchanges in flight, upgraded connections included; whoever balances is told of every change. */
  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const before = this.#active;
    this.#active = active;
    this.watcher?.loadChanged(this.slot, active, before);
  }

  /** A response came, with this status and so many milliseconds after the request was sent. */
  answered(status: number, headMs: number): void {
    this.latencies.observe(headMs);
    const digit = (status / 100) | 0;
    this.statuses[digit] = (this.statuses[digit] ?? 0) + 1;
  }

  get available(): boolean {
    return this.maxActive === 0 || this.#active < this.maxActive;
  }

  /** Closes idle connections and keeps none from now on; exchanges in flight finish. */
  retire(): void {
    this.pool.retire();
  }

  /** Taken for hung: exchanges that wait for its answer and may be sent to another server are. */
  doubt(): void {
    this.pool.doubt();
  }

  /** In use again. */
  revive(): void {
    this.pool.revive();
  }
}
