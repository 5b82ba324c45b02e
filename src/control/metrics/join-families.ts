import type { Family } from '../../metrics/family.ts';
import type { JoinRefusals } from '../../registry/remote/join-refusals.ts';

/** Metrics of the doors through which servers register. */
export function joinFamilies(refusals: JoinRefusals, joined: number): Family[] {
  return [
    {
      name: 'sluice_join_connections',
      help: 'Open connections of gateway servers that join through this balancer.',
      type: 'gauge',
      series: [{ labels: {}, value: joined }],
    },
    {
      name: 'sluice_join_refusals_total',
      help: 'Registrations that were refused, and connections of gateway servers that were cut, by reason.',
      type: 'counter',
      series: [...refusals.counts].map(([reason, value]) => ({ labels: { reason }, value })),
    },
  ];
}
