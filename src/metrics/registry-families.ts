import type { RegistrySync } from '../model/live.ts';
import type { Family } from './family.ts';

/** How this process stands with the registry. `now`: of the same clock as `sync.at`. */
export function registryFamilies(
  sync: RegistrySync,
  { up, now, epoch }: { up: boolean; now: number; epoch: string | undefined },
): Family[] {
  const value = (type: 'counter' | 'gauge', name: string, help: string, value: number): Family => ({
    name: `sluice_registry_${name}`,
    help,
    type,
    series: [{ labels: {}, value }],
  });
  return [
    value('gauge', 'up', 'Whether the registry answers: 1 or 0.', up ? 1 : 0),
    {
      name: 'sluice_registry_sync_age_seconds',
      help: 'Since what this process knows was last confirmed by the registry.',
      type: 'gauge',
      series: sync.at === undefined ? [] : [{ labels: {}, value: Math.max(0, now - sync.at) / 1000 }],
    },
    value('counter', 'sync_failures_total', 'Reads and renewals that the registry did not answer.', sync.failures),
    value('counter', 'reconnects_total', 'Times that the registry was reached again after it was lost.', sync.reconnects),
    {
      name: 'sluice_registry_epoch_info',
      help: 'Which data the registry holds: another epoch means that it was emptied or restored.',
      type: 'gauge',
      series: epoch === undefined ? [] : [{ labels: { epoch }, value: 1 }],
    },
  ];
}
