import type { LiveListener } from '../model/live.ts';
import { localResponses } from './exchange-families.ts';
import { type Family, perRow } from './family.ts';

/** Metrics of the listeners of a process. */
export function listenerFamilies(listeners: readonly LiveListener[]): Family[] {
  const rows = listeners.map((counts) => ({ labels: { listener: counts.listen }, counts }));
  return [
    {
      name: 'sluice_listener_connections',
      help: 'Open client connections, idle and upgraded ones included.',
      type: 'gauge',
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: counts.connections })),
    },
    {
      name: 'sluice_listener_connections_limit',
      help: 'Greatest number of client connections, in all processes that serve the listener; 0: no limit is known.',
      type: 'gauge',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.limit })),
    },
    {
      name: 'sluice_listener_connections_closed_for_room_total',
      help: 'Idle client connections closed to make room for others.',
      type: 'counter',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.closedForRoom })),
    },
    {
      name: 'sluice_listener_connections_refused_total',
      help: 'Client connections refused with 503, because there was no room and none was idle.',
      type: 'counter',
      series: rows.map(({ labels, counts }) => ({ labels, value: counts.refused })),
    },
    {
      name: 'sluice_listener_connections_accepted_total',
      help: 'Client connections accepted.',
      type: 'counter',
      series: perRow(rows, ({ labels, counts }) => ({ labels, value: counts.accepted })),
    },
    {
      ...localResponses('sluice_listener', rows),
      help: 'Requests refused before their environment was known, by the code in the response.',
    },
  ];
}
