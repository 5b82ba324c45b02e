import { micro } from '../../src/limits/limit-store.ts';
import { Fleet, type Traffic } from '../../test/limits/fleet-model.ts';
import type { Row } from './row.ts';

/** Measures gateways that run by a clock of the test: behind a balancer with ten callers, and without one. */
export async function* simulate(given: {
  gateways: number;
  limits: readonly number[];
  loads: readonly number[];
  seconds: number;
  traffics: readonly string[];
}): AsyncGenerator<Row> {
  for (const limit of given.limits)
    for (const name of given.traffics)
      for (const callers of [10, 0])
        for (const load of given.loads) {
          const rule = { kind: 'bucket', limit: limit * micro, window: 1_000_000, burst: limit * micro } as const;
          const traffic = name as Traffic;
          const seconds = given.seconds + 10;
          const seen = await new Fleet(given.gateways).run({ settings: { rule, exact: false }, limit, load, traffic, seconds, callers });
          const allowedPerSecond = seen.allowed / given.seconds;
          yield { ...seen, limit, load, traffic: callers === 0 ? `${name}, alone` : name, allowedPerSecond, lateMs: 0 };
        }
}
