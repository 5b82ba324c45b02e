import type { EnvironmentCounts, ListenerCounts, ServerCounts } from '../../model/counts.ts';
import type { EnvironmentGauges, LiveEnvironment, LiveListener, LiveServer, ServerGauges } from '../../model/live.ts';

/** What one worker knows of something that all of them count. */
export interface KeyedCounts<Counts extends object = object, Gauges extends object = object> {
  /** Of what. */
  readonly key: string;
  /** So far, or since the last report. */
  readonly counts: Counts;
  /** At present. */
  readonly gauges: Gauges;
}

/** Everything that is counted in a worker. */
export interface WorkerCounts {
  readonly servers: readonly KeyedCounts<ServerCounts, ServerGauges>[];
  readonly environments: readonly KeyedCounts<EnvironmentCounts, EnvironmentGauges>[];
  readonly listeners: readonly KeyedCounts<ListenerCounts, ListenerGauges>[];
}

/** Nothing new. */
export const noWorkerCounts: WorkerCounts = { servers: [], environments: [], listeners: [] };

export type ListenerGauges = Pick<LiveListener, 'connections'>;

/** Names have no space in them. */
export function serverKey(environment: string, id: string): string {
  return `${environment} ${id}`;
}

export function countsOfServer(server: LiveServer): WorkerCounts['servers'][number] {
  const { requests, failures, failed, abandoned, statuses, latencies, connects, reuses } = server;
  const { active, upgraded, connections, idle } = server;
  return {
    key: serverKey(server.environment, server.id),
    counts: { requests, failures, failed, abandoned, statuses, latencies, connects, reuses },
    gauges: { active, upgraded, connections, idle },
  };
}

export function countsOfEnvironment({ name, waiting, panicking, ...counts }: LiveEnvironment): WorkerCounts['environments'][number] {
  return { key: name, counts, gauges: { waiting, panicking } };
}

export function countsOfListener({ listen, connections, ...counts }: LiveListener): WorkerCounts['listeners'][number] {
  return { key: listen, counts, gauges: { connections } };
}
