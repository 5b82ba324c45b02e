import type { EnvironmentCounts, ListenerCounts, ServerCounts } from '../../model/counts.ts';
import type { EnvironmentGauges, LiveEnvironment, LiveListener, LiveServer, ServerGauges } from '../../model/live.ts';

/** Counts and gauges of one server, environment or listener in one worker. */
export interface KeyedCounts<Counts extends object = object, Gauges extends object = object> {
  /** Name of the server, environment or listener. */
  readonly key: string;
  /** Counts since the start, or the increase since the last report. */
  readonly counts: Counts;
  readonly gauges: Gauges;
}

/** All counts and gauges of a worker. */
export interface WorkerCounts {
  readonly servers: readonly KeyedCounts<ServerCounts, ServerGauges>[];
  readonly environments: readonly KeyedCounts<EnvironmentCounts, EnvironmentGauges>[];
  readonly listeners: readonly KeyedCounts<ListenerCounts, ListenerGauges>[];
}

/** A report without any change. */
export const noWorkerCounts: WorkerCounts = { servers: [], environments: [], listeners: [] };

export type ListenerGauges = Pick<LiveListener, 'connections' | 'limit'>;

/** Unambiguous, since names contain no space. */
export function serverKey(environment: string, id: string): string {
  return `${environment} ${id}`;
}

export function countsOfServer(server: LiveServer): WorkerCounts['servers'][number] {
  const { requests, failures, failed, abandoned, statuses, targetErrors, shortages, latencies, connects, reuses } = server;
  const { active, upgraded, connections, idle } = server;
  return {
    key: serverKey(server.environment, server.id),
    counts: { requests, failures, failed, abandoned, statuses, targetErrors, shortages, latencies, connects, reuses },
    gauges: { active, upgraded, connections, idle },
  };
}

export function countsOfEnvironment({ name, waiting, panicking, ...counts }: LiveEnvironment): WorkerCounts['environments'][number] {
  return { key: name, counts, gauges: { waiting, panicking } };
}

export function countsOfListener({ listen, connections, limit, ...counts }: LiveListener): WorkerCounts['listeners'][number] {
  return { key: listen, counts, gauges: { connections, limit } };
}
