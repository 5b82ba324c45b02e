import t, { test } from 'tap';
import { perform } from './perform.ts';
import type { Scenario } from './scenario.ts';

/** Time limit of each test file, in milliseconds: more than any of them takes on a busy machine. */
const fileLimitMs = 900_000;

/**
 * Performs scenarios as tests, with shorter outages and fewer repetitions. A test fails if requests failed or were carried out twice, never
 * because of the time that something took. `npm run chaos` performs them in full length, with their time limits.
 */
export function inBrief(scenarios: readonly Scenario[]): void {
  t.setTimeout(fileLimitMs);
  // Side by side: a scenario waits most of its time.
  t.jobs = 3;
  for (const scenario of scenarios) {
    test(scenario.name, async (t) => {
      const { bar: _, ...untimed } = scenario;
      const { missing, faults, sent, failed, lost, late, longestGapMs, detectMs, convergeMs } = await perform(untimed, { brief: true });
      if (missing !== undefined) {
        t.pass(missing, { skip: missing });
        return;
      }
      t.comment({ sent, failed, lost, late, longestGapMs, detectMs, convergeMs });
      t.strictSame(faults, []);
    });
  }
}
