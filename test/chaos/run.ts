import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { certificateScenarios } from './certificate-scenarios.ts';
import { connectionScenarios } from './connection-scenarios.ts';
import { descriptorScenarios } from './descriptor-scenarios.ts';
import { embeddedScenarios } from './embedded-scenarios.ts';
import { linkScenarios } from './link-scenarios.ts';
import { nameScenarios } from './name-scenarios.ts';
import { perform } from './perform.ts';
import { registryScenarios } from './registry-scenarios.ts';
import { type Performed, progressOf, reportOf } from './report.ts';
import { rolloutScenarios } from './rollout-scenarios.ts';
import { type Scenario, since } from './scenario.ts';
import { serverScenarios } from './server-scenarios.ts';
import { type Mode, modes } from './stage-options.ts';
import { workerScenarios } from './worker-scenarios.ts';

/**
 * `npm run chaos [-- --mode MODE WORDS]`: performs the scenarios whose name contains one of the words. MODE is the way between balancers and
 * gateway servers; with `embedded`, those are performed that need no gateway server, and with any mode, those are left out that are about another one.
 * Exits with 1 if a scenario misses its bar. A run that is stopped (Ctrl-C) reports what it has performed.
 */
const { values, positionals: words } = parseArgs({ options: { mode: { type: 'string' } }, allowPositionals: true });
const mode = values.mode as Mode | undefined;
if (mode !== undefined && !Object.hasOwn(modes, mode)) throw new Error(`--mode is one of: ${Object.keys(modes).join(', ')}`);
const scenarios = [
  ...serverScenarios,
  ...workerScenarios,
  ...registryScenarios,
  ...rolloutScenarios,
  ...connectionScenarios,
  ...linkScenarios,
  ...nameScenarios,
  ...embeddedScenarios,
  ...descriptorScenarios,
  ...certificateScenarios,
]
  .filter(({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase())))
  .filter(({ apart }) => mode !== 'embedded' || !apart)
  .filter(({ stage }) => mode === undefined || stage.mode === undefined || stage.mode === mode);
/** Number of scenarios that wait, at a time. */
const lanes = 2;
const performed: Performed[] = [];
const begun = performance.now();
process.once('SIGINT', () => {
  process.stdout.write(`${reportOf(performed, mode ?? 'default', since(begun) / 1000)}stopped before its end\n`);
  process.exit(1);
});
let count = 0;
/** Performs scenarios one after the other, until none is left. */
async function performAll(queue: Scenario[]): Promise<void> {
  for (let scenario = queue.shift(); scenario !== undefined; scenario = queue.shift()) {
    const started = performance.now();
    const number = `${++count}/${scenarios.length}`;
    process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${number} ${scenario.name}\n`);
    const outcome = await perform(scenario, mode === undefined ? {} : { mode });
    if (outcome.missing !== undefined) {
      process.stdout.write(`${number} left out: ${outcome.missing}\n`);
      continue;
    }
    const one = { scenario, outcome, seconds: since(started) / 1000, machineLoad: loadavg()[0] ?? Number.NaN };
    performed.push(one);
    process.stdout.write(`${number} ${progressOf(one)}\n`);
  }
}
await performAll(scenarios.filter(({ waits }) => !waits));
const waiting = scenarios.filter(({ waits }) => waits);
await Promise.all(Array.from({ length: lanes }, () => performAll(waiting)));
process.stdout.write(reportOf(performed, mode ?? 'default', since(begun) / 1000));
process.exitCode = performed.every(({ outcome }) => outcome.faults.length === 0) ? 0 : 1;
