import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { policyGoals } from './goals.ts';
import { describeMachine } from './machine.ts';
import { comparisons, type Pair, policyPairs } from './policies/pairs.ts';
import { rowsIn } from './policies/rows.ts';
import { stopAll } from './processes.ts';

const help = `npm run bench:policies -- [--quick] [--only NAME,NAME…] [--output FILE]

Measures the CPU time of one request on one gateway server, in two parts:
  policies     the same request with and without each policy, in turn
  comparisons  a plain project beside the balancer's forward to a static server (engine), a cache hit beside HAProxy's forward (cache), apiKey and
               rateLimit beside nginx with Lua that looks up a key and counts in shared memory (lua), and requests for ten of 10,000 projects with
               100,000 resources beside requests for ten projects that are alone (projects), in turn

  --quick   one short round, and 1,000 projects: the figures are rough
  --only    names of policies, as the first column of the table has them, and of comparisons
  --output  file for the tables (default: standard output)

Needs nginx and wrk; HAProxy and Debian's libnginx-mod-http-lua for their comparisons, which are left out without them.
`;

/** Least number of loads before each measurement. */
const warmUps = 4;

/** CPU microseconds of both sides of a pair, one for each round. */
type Costs = readonly (readonly [before: number, after: number])[];

async function measure(pairs: readonly Pair[], rounds: number): Promise<Map<Pair, Costs>> {
  // Node.js compiles code that runs often: the first seconds are no measure of it. The more pairs share a server, the sooner its code is compiled.
  const turns = Math.ceil(warmUps / Math.max(1, pairs.length));
  for (let turn = 0; turn < turns; turn++) for (const pair of pairs) for (const side of [pair.before, pair.after]) await side.cost();
  const costs = new Map<Pair, [number, number][]>(pairs.map((pair) => [pair, []]));
  for (let round = 0; round < rounds; round++) {
    for (const pair of pairs) {
      const both: [number, number] = [await pair.before.cost(), await pair.after.cost()];
      costs.get(pair)?.push(both);
      process.stderr.write(`${pair.name}: ${both.map((cost) => cost.toFixed(1)).join(' → ')} µs\n`);
    }
  }
  return costs;
}

function tableOf(columns: readonly [string, string, string], costs: ReadonlyMap<Pair, Costs>): string {
  const rows = [...costs].map(([{ name, goal }, rounds]) => {
    const [before, after] = [0, 1].map((index) => median(rounds.map((round) => round[index] as number))) as [number, number];
    return `| ${name} | ${before.toFixed(1)} | ${after.toFixed(1)} | ${ratioOf(rounds).toFixed(2)} | ${goal === undefined ? '' : `≤ ${goal}`} |`;
  });
  return [`| ${columns.join(' | ')} | ratio | goal |`, '| --- | ---: | ---: | ---: | ---: |', ...rows].join('\n');
}

function ratioOf(rounds: Costs): number {
  return median(rounds.map(([before, after]) => after / before));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] as number) + (sorted[Math.ceil((sorted.length - 1) / 2)] as number)) / 2;
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, output: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'sluice-policies-'));
process.once('exit', () => {
  void stopAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
mkdirSync(join(folder, 'keys'));
const names = values.only?.split(',');
const wanted = (name: string) => names === undefined || names.includes(name);
const [rounds, seconds, projects] = values.quick ? [1, 1, 1000] : [5, 2, 10_000];
const place = { folder, seconds, projects, progress: (text: string) => process.stderr.write(`${text}\n`) };
const rows = rowsIn(join(folder, 'keys')).filter(({ name }) => wanted(name));
const ofPolicies = await policyPairs(rows, place);
const policies = await measure(ofPolicies.pairs, rounds);
await ofPolicies.stop();
const compared = new Map<Pair, Costs>();
const missing: string[] = [];
for (const comparison of comparisons.filter(({ name }) => wanted(name))) {
  mkdirSync(join(folder, comparison.name));
  const found = await comparison.start({ ...place, folder: join(folder, comparison.name) });
  if ('missing' in found) missing.push(`${comparison.name}: not measured, ${found.missing}`);
  else {
    for (const [pair, costs] of await measure([found.pair], rounds)) compared.set(pair, costs);
    await found.stop();
  }
}
const machine = describeMachine();
const page = `# Cost of policies

CPU time of a gateway server for one request: medians of ${rounds} rounds of ${seconds} s, in which both sides are measured in turn. The ratio is the median of
the rounds' ratios. Made by \`npm run bench:policies\` on ${new Date().toISOString().slice(0, 10)}, on ${machine.join('; ')}.

${policies.size === 0 ? '' : `${tableOf(['policy', 'without, µs', 'with, µs'], policies)}\n`}
${compared.size === 0 ? '' : `${tableOf(['', 'other, µs', 'Sluice, µs'], compared)}\n`}${missing.map((line) => `\n${line}`).join('')}
${policyGoals([...policies, ...compared].map(([pair, costs]) => ({ ...pair, ratio: ratioOf(costs) })))
  .map(
    ({ title, value = Number.NaN, limit, unit }) =>
      `- ${title}: ${value.toFixed(2)} ${unit}, ${value <= limit ? 'met' : `not met: ≤ ${limit}`}`,
  )
  .join('\n')}
`;
if (values.output === undefined) process.stdout.write(page);
else writeFileSync(resolve(values.output), page);
