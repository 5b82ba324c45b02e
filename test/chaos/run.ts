import { parseArgs } from 'node:util';
import { formatTable } from '../../src/cli/terminal/table.ts';
import { render } from '../../src/cli/terminal/text.ts';
import { certificateScenarios } from './certificate-scenarios.ts';
import { connectionScenarios } from './connection-scenarios.ts';
import { descriptorScenarios } from './descriptor-scenarios.ts';
import { embeddedScenarios } from './embedded-scenarios.ts';
import { nameScenarios } from './name-scenarios.ts';
import { perform } from './perform.ts';
import { registryScenarios } from './registry-scenarios.ts';
import { rolloutScenarios } from './rollout-scenarios.ts';
import type { Outcome } from './scenario.ts';
import { serverScenarios } from './server-scenarios.ts';
import { type Mode, modes } from './stage-options.ts';
import { workerScenarios } from './worker-scenarios.ts';

/**
 * `npm run chaos [-- --mode MODE WORDS]`: performs the scenarios whose name contains one of the words. MODE is the way between balancers and
 * gateway servers; with `embedded`, those are performed that need no gateway server. Exits with 1 if a scenario misses its bar.
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
  ...nameScenarios,
  ...embeddedScenarios,
  ...descriptorScenarios,
  ...certificateScenarios,
]
  .filter(({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase())))
  .filter(({ apart }) => mode !== 'embedded' || !apart);
const outcomes: Outcome[] = [];
for (const scenario of scenarios) {
  const outcome = await perform(scenario, mode === undefined ? {} : { mode });
  if (outcome.missing !== undefined) {
    process.stdout.write(`left out ${scenario.name}: ${outcome.missing}\n`);
    continue;
  }
  outcomes.push(outcome);
  process.stdout.write(`${outcome.faults.length === 0 ? 'met   ' : 'MISSED'} ${scenario.name}\n`);
  for (const fault of outcome.faults) process.stdout.write(`       ${fault}\n`);
}
const rounded = (ms: number | undefined) => (ms === undefined ? Number.NaN : Math.round(ms));
const rows = outcomes.map((outcome) => [
  outcome.name,
  outcome.sent,
  outcome.right,
  outcome.failed,
  outcome.lost,
  outcome.duplicated,
  rounded(outcome.longestGapMs),
  rounded(outcome.detectMs),
  rounded(outcome.convergeMs),
  outcome.faults.length === 0 ? 'met' : 'missed',
]);
const columns = [
  'SCENARIO',
  'SENT',
  'RIGHT',
  'FAILED',
  'LOST IN FLIGHT',
  'DUPLICATED',
  'LONGEST GAP ms',
  'DETECT ms',
  'CONVERGE ms',
  'BAR',
].map((heading) => ({ heading }));
process.stdout.write(
  `\n${formatTable(columns, rows)
    .lines.map((line) => render(line, false))
    .join('\n')
    .replaceAll('NaN', '  -')}\n`,
);
process.exitCode = outcomes.every(({ faults }) => faults.length === 0) ? 0 : 1;
