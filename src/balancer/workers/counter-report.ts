import { latenciesSince, noLatencies } from '../../model/latency.ts';
import type { LiveServer } from '../../model/live.ts';
import type { ServerReport } from './messages.ts';

/** What has changed from one report to the next. */
export class CounterReport {
  #last = new Map<string, LiveServer>();

  /** One row for each server that differs from the last call; of a server that is gone nothing is kept. */
  changes(servers: readonly LiveServer[]): ServerReport[] {
    const rows: ServerReport[] = [];
    const next = new Map<string, LiveServer>();
    for (const server of servers) {
      const key = `${server.environment} ${server.id}`;
      next.set(key, server);
      const row = difference(server, this.#last.get(key));
      if (row !== undefined) rows.push(row);
    }
    this.#last = next;
    return rows;
  }
}

function difference(server: LiveServer, last: LiveServer | undefined): ServerReport | undefined {
  const ejected = server.health === 'ejected';
  // Fewer than before: it left and came back meanwhile, and counts from zero again.
  const before = last !== undefined && last.requests <= server.requests ? last : undefined;
  const same =
    before !== undefined &&
    before.requests === server.requests &&
    before.active === server.active &&
    before.failures === server.failures &&
    before.upgraded === server.upgraded &&
    (before.health === 'ejected') === ejected &&
    before.statuses.every((count, digit) => count === server.statuses[digit]);
  if (same) return undefined;
  return {
    environment: server.environment,
    id: server.id,
    requests: server.requests - (before?.requests ?? 0),
    failures: server.failures - (before?.failures ?? 0),
    statuses: server.statuses.map((count, digit) => count - (before?.statuses[digit] ?? 0)),
    latencies: latenciesSince(before?.latencies ?? noLatencies, server.latencies),
    active: server.active,
    upgraded: server.upgraded,
    ejected,
  };
}
