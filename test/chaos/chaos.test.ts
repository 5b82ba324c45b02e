import { test } from 'tap';
import { perform } from './perform.ts';
import { registryScenarios } from './registries.ts';
import { serverScenarios } from './servers.ts';

/** In brief, those that no other test goes through; `npm run chaos` performs all, in full length and with their bars for time. */
const chosen = ['a server is killed (-9)', 'a server hangs (SIGSTOP)', 'Redis comes back empty', 'Redis comes back with older data'];

for (const name of chosen) {
  test(name, async (t) => {
    const scenario = [...serverScenarios, ...registryScenarios].find((one) => one.name === name);
    if (scenario === undefined) throw new Error('there is no such scenario');
    const { bar: _, ...untimed } = scenario;
    const { faults, sent, failed, longestGapMs, detectMs, convergeMs } = await perform(untimed, { brief: true });
    t.comment({ sent, failed, longestGapMs, detectMs, convergeMs });
    t.strictSame(faults, []);
  });
}
