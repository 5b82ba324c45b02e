import type { Candidate, LoadWatcher } from '../balance/contract.ts';
import type { PeakEwma } from '../balance/peak-ewma.ts';
import { ConnectionPool } from '../http1/connection/connection-pool.ts';
import { processDeadlines } from '../http1/connection/deadlines.ts';
import type { Secure } from '../http1/connection/secure.ts';
import type { FailureKind, ServerCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** How long an idle connection is kept until an exchange says otherwise, in milliseconds. */
const idleMs = 55_000;

/** Somewhere requests can be sent: an address, and what is going on there. Counters are plain numbers; exporters read them when asked. */
export class Upstream implements Candidate {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** How to secure connections; undefined: they are plain. */
  readonly secure: Secure | undefined;
  readonly pool: ConnectionPool;
  weight: number;
  /** Attempts begun. */
  requests = 0;
  /** Attempts that failed, and by kind. */
  failures = 0;
  readonly failed: Record<FailureKind, number> = {
    'connect-failed': 0,
    'connect-timeout': 0,
    reset: 0,
    'head-timeout': 0,
    'bad-response': 0,
    truncated: 0,
  };
  /** Attempts given up before a response head. */
  abandoned = 0;
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
  #counts: ServerCounts | undefined;
  #countedAt = 0;

  constructor(place: { id: string; host: string; port: number; secure?: Secure | undefined; weight?: number }) {
    this.id = place.id;
    this.host = place.host;
    this.port = place.port;
    this.secure = place.secure;
    this.weight = place.weight ?? 1;
    this.pool = new ConnectionPool({ host: this.host, port: this.port, secure: this.secure }, processDeadlines, idleMs);
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

  /** An attempt failed. */
  fail(kind: FailureKind): void {
    this.failures++;
    this.failed[kind]++;
  }

  /** What was counted so far; the same object as before if nothing has happened since. */
  get counts(): ServerCounts {
    const events = this.#events;
    if (this.#counts !== undefined && this.#countedAt === events) return this.#counts;
    this.#countedAt = events;
    this.#counts = this.#count();
    return this.#counts;
  }

  /** Everything that was counted rises, so that their sum tells whether anything did. */
  get #events(): number {
    const { requests, failures, abandoned, statuses, pool } = this;
    return statuses.reduce((sum, count) => sum + count, requests + failures + abandoned + pool.connects + pool.reuses);
  }

  #count(): ServerCounts {
    const { requests, failures, failed, abandoned, statuses, latencies, pool } = this;
    const { connects, reuses } = pool;
    return { requests, failures, failed: { ...failed }, abandoned, statuses: [...statuses], latencies: latencies.plain, connects, reuses };
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
