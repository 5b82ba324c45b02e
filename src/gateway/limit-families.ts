import type { Limits } from '../limits/limits.ts';
import { byName, type Family } from '../metrics/family.ts';

/** Metrics of the limits that the gateway shares with others. */
export function limitFamilies({ counts, keys, reachable }: Limits): Family[] {
  const { allowed, refused, calls, failures, asked } = counts;
  const value = (type: 'counter' | 'gauge', name: string, help: string, value: number): Family => ({
    name: `sluice_limit_${name}`,
    help,
    type,
    series: [{ labels: {}, value }],
  });
  return [
    {
      name: 'sluice_limit_decisions_total',
      help: 'Decisions of limits about requests, by outcome: allowed or refused.',
      type: 'counter',
      series: byName({}, 'outcome', { allowed, refused }),
    },
    value('counter', 'store_calls_total', 'Calls to the registry about limits, each of them one operation for all keys in it.', calls),
    value('counter', 'store_failures_total', 'Calls to the registry about limits that failed.', failures),
    value('counter', 'store_keys_total', 'Keys in calls to the registry about limits.', asked),
    value('gauge', 'keys', 'Keys of limits that the gateway remembers, such as consumers.', keys.known),
    value('gauge', 'parts', 'Keys of limits of which the gateway holds a part.', keys.held),
    value(
      'gauge',
      'shared',
      'Whether limits are shared with other gateway servers: 1, or 0 while each goes on with its last share.',
      reachable ? 1 : 0,
    ),
  ];
}
