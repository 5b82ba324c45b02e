import type { LiveListener } from '../model/live.ts';
import { localResponses } from './exchange-families.ts';
import type { Family } from './family.ts';

/** What comes in at the addresses that a process listens on. */
export function listenerFamilies(listeners: readonly LiveListener[]): Family[] {
  const rows = listeners.map((counts) => ({ labels: { listener: counts.listen }, counts }));
  return [
    {
      name: 'sluice_listener_connections',
      help: 'Client connections open, idle and upgraded ones included.',
      type: 'gauge',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.connections })),
    },
    {
      name: 'sluice_listener_connections_accepted_total',
      help: 'Client connections taken.',
      type: 'counter',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.accepted })),
    },
    {
      ...localResponses('sluice_listener', rows),
      help: 'Requests refused before it was known whom they are for, by the code of the answer.',
    },
  ];
}
