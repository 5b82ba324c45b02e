import { addLatencies, type Latencies, noLatencies } from '../../model/latency.ts';
import type { LiveServer } from '../../model/live.ts';
import type { TableEnvironment } from '../table.ts';
import type { ServerReport } from './messages.ts';

/** What all workers, living and dead, have done for one server. */
interface Tally {
  requests: number;
  failures: number;
  readonly statuses: number[];
  latencies: Latencies;
  /** Of living workers only, by number. */
  readonly present: Map<number, { readonly active: number; readonly upgraded: number; readonly ejected: boolean }>;
}

/**
 * The workers' counters, added up. Workers tell what is new, so that a sum never goes backwards: what a worker did stays
 * counted when it dies, but for what it had not told yet (a fraction of a second); what was in flight on it is no more.
 */
export class Tallies {
  readonly #environments = new Map<string, Map<string, Tally>>();

  /** The environment has these servers and no others: of those who left nothing is kept. */
  follow({ name, servers }: Pick<TableEnvironment, 'name' | 'servers'>): void {
    const before = this.#environments.get(name);
    const next = new Map(servers.map(({ id }) => [id, before?.get(id) ?? emptyTally()]));
    this.#environments.set(name, next);
  }

  remove(environment: string): void {
    this.#environments.delete(environment);
  }

  take(worker: number, reports: readonly ServerReport[]): void {
    for (const { environment, id, requests, failures, statuses, latencies, active, upgraded, ejected } of reports) {
      const tally = this.#environments.get(environment)?.get(id);
      // A worker may not have heard yet that the server has left.
      if (tally === undefined) continue;
      tally.requests += requests;
      tally.failures += failures;
      tally.latencies = addLatencies(tally.latencies, latencies);
      statuses.forEach((count, digit) => {
        tally.statuses[digit] = (tally.statuses[digit] ?? 0) + count;
      });
      if (active === 0 && upgraded === 0 && !ejected) tally.present.delete(worker);
      else tally.present.set(worker, { active, upgraded, ejected });
    }
  }

  /** The worker has ended, and with it all that was in flight on it. */
  forget(worker: number): void {
    for (const tallies of this.#environments.values()) for (const tally of tallies.values()) tally.present.delete(worker);
  }

  /** Exchanges in flight on one worker, upgraded connections aside. */
  active(worker: number): number {
    let active = 0;
    for (const tallies of this.#environments.values()) {
      for (const { present } of tallies.values()) {
        const there = present.get(worker);
        if (there !== undefined) active += there.active - there.upgraded;
      }
    }
    return active;
  }

  /** The environment's servers. One is `ejected` if any worker keeps it out. */
  servers({ name, servers }: TableEnvironment): LiveServer[] {
    const tallies = this.#environments.get(name);
    return servers.map(({ id, address, weight, health, reason }) => {
      const { requests, failures, statuses, latencies, present } = tallies?.get(id) ?? emptyTally();
      let active = 0;
      let upgraded = 0;
      let ejecting = 0;
      for (const worker of present.values()) {
        active += worker.active;
        upgraded += worker.upgraded;
        if (worker.ejected) ejecting++;
      }
      const about = { id, environment: name, address, weight, active, requests, failures, statuses: [...statuses], upgraded, latencies };
      if (health === 'up' && ejecting > 0)
        return { ...about, health: 'ejected', reason: `too many failures in a row in ${ejecting} of the workers` };
      return { ...about, health, ...(reason !== undefined && { reason }) };
    });
  }
}

function emptyTally(): Tally {
  return { requests: 0, failures: 0, statuses: [0, 0, 0, 0, 0, 0], latencies: noLatencies, present: new Map() };
}
