import type { EnvironmentCounts, ListenerCounts, ServerCounts } from '../../model/counts.ts';
import type { EnvironmentLevels, LiveEnvironment, LiveListener, LiveServer, ServerLevels } from '../../model/live.ts';

/** What one worker knows of something that all of them count. */
export interface Measure<Counts extends object = object, Levels extends object = object> {
  /** Of what. */
  readonly key: string;
  /** So far, or since the last report. */
  readonly counts: Counts;
  /** At present. */
  readonly levels: Levels;
}

/** Everything that is counted in a worker. */
export interface Measures {
  readonly servers: readonly Measure<ServerCounts, ServerLevels>[];
  readonly environments: readonly Measure<EnvironmentCounts, EnvironmentLevels>[];
  readonly listeners: readonly Measure<ListenerCounts, ListenerLevels>[];
}

/** Nothing new. */
export const noMeasures: Measures = { servers: [], environments: [], listeners: [] };

export type ListenerLevels = Pick<LiveListener, 'connections'>;

/** Names have no space in them. */
export function serverKey(environment: string, id: string): string {
  return `${environment} ${id}`;
}

export function measureServer(server: LiveServer): Measures['servers'][number] {
  const { requests, failures, failed, abandoned, statuses, latencies, connects, reuses } = server;
  const { active, upgraded, connections, idle } = server;
  return {
    key: serverKey(server.environment, server.id),
    counts: { requests, failures, failed, abandoned, statuses, latencies, connects, reuses },
    levels: { active, upgraded, connections, idle },
  };
}

export function measureEnvironment({ name, waiting, panicking, ...counts }: LiveEnvironment): Measures['environments'][number] {
  return { key: name, counts, levels: { waiting, panicking } };
}

export function measureListener({ listen, connections, ...counts }: LiveListener): Measures['listeners'][number] {
  return { key: listen, counts, levels: { connections } };
}
