import t, { test } from 'tap';
import { perform } from './perform.ts';
import type { Scenario } from './scenario.ts';

/** Longer than any of the files takes on a machine that has much else to do, in milliseconds. */
const longestMs = 900_000;

/**
 * Performs scenarios in brief, as tests: outages are shorter and repetitions fewer, and what is judged is which requests failed or
 * were carried out twice, never how long anything took. `npm run chaos` performs them in full length, with their bars for time.
 */
export function inBrief(scenarios: readonly Scenario[]): void {
  t.setTimeout(longestMs);
  for (const scenario of scenarios) {
    test(scenario.name, async (t) => {
      const { bar: _, ...untimed } = scenario;
      const { faults, sent, failed, late, longestGapMs, detectMs, convergeMs } = await perform(untimed, { brief: true });
      t.comment({ sent, failed, late, longestGapMs, detectMs, convergeMs });
      t.strictSame(faults, []);
    });
  }
}
