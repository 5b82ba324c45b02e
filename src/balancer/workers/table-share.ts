import type { ListenerSettings } from '../../proxy/contract.ts';
import type { TableEnvironment } from '../table.ts';

/**
 * Table for one worker of several: each limit that counts something is divided by the number of workers, rounded up, because a
 * worker with a limit of 0 would have no limit at all. 0 stays "no limit".
 */
export function tableShare(table: TableEnvironment, workers: number): TableEnvironment {
  if (workers <= 1) return table;
  const { spec } = table;
  const part = (limit: number) => Math.ceil(limit / workers);
  const limits = {
    ...spec.limits,
    connectionsPerServer: part(spec.limits.connectionsPerServer),
    tunnelsPerServer: part(spec.limits.tunnelsPerServer),
    queue: part(spec.limits.queue),
  };
  return { ...table, spec: { ...spec, limits, retries: { ...spec.retries, budgetMin: part(spec.retries.budgetMin) } } };
}

/** Settings of a listener for one worker of several, in the same way. */
export function listenerShare(settings: ListenerSettings, workers: number): ListenerSettings {
  const { connections = 'auto' } = settings;
  return connections === 'auto' ? settings : { ...settings, connections: Math.ceil(connections / Math.max(1, workers)) };
}
