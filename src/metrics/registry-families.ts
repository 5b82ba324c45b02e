import type { RegistrySync } from '../model/live.ts';
import type { Family } from './family.ts';

/** Metrics of this process's connection to the registry. `now` is of the same clock as `sync.at`. */
export function registryFamilies(
  sync: RegistrySync,
  { up, refuses, now, epoch }: { up: boolean; refuses?: string | undefined; now: number; epoch: string | undefined },
): Family[] {
  const value = (type: 'counter' | 'gauge', name: string, help: string, value: number): Family => ({
    name: `sluice_registry_${name}`,
    help,
    type,
    series: [{ labels: {}, value }],
  });
  return [
    value('gauge', 'up', 'Whether the registry answers: 1 or 0.', up ? 1 : 0),
    value('gauge', 'writable', 'Whether the registry answers and takes writes: 1 or 0.', up && refuses === undefined ? 1 : 0),
    {
      name: 'sluice_registry_sync_age_seconds',
      help: 'Time since the registry last confirmed the state that this process works with.',
      type: 'gauge',
      series: sync.at === undefined ? [] : [{ labels: {}, value: Math.max(0, now - sync.at) / 1000 }],
    },
    value('counter', 'sync_failures_total', 'Reads and lease renewals that failed.', sync.failures),
    value('counter', 'reconnects_total', 'Reconnects to the registry after its connection was lost.', sync.reconnects),
    {
      name: 'sluice_registry_epoch_info',
      help: 'Epoch of the data in the registry; a new epoch means that the registry was emptied or restored.',
      type: 'gauge',
      series: epoch === undefined ? [] : [{ labels: { epoch }, value: 1 }],
    },
  ];
}
