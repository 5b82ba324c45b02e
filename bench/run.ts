import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bench } from './bench.ts';
import { contenders } from './contenders/index.ts';
import { balancerOn } from './contenders/sluice-balancer.ts';
import { pinnedNode } from './node-program.ts';
import { measurements, quickExtent, wholeExtent } from './plan.ts';
import { stopAll } from './processes.ts';
import { report } from './report.ts';
import type { Results } from './results.ts';
import { programVersion } from './versions.ts';

const help = `npm run bench -- [--quick] [--rounds N] [--only NAME,NAME…] [--measure NAME,NAME…] [--node MAJOR,MAJOR…] [--output FILE]

  --quick   one short round, to see that everything works; the figures are rough
  --rounds  number of rounds (default: ${wholeExtent.rounds})
  --only    any of: ${contenders.map(({ name }) => name).join(', ')}
  --measure any of: ${measurements.join(', ')}
            rate: latency at a constant rate; start: the first requests after a start; inside: picking servers, finding projects
  --node    measures Sluice's balancer on these major versions of Node.js as well, which are fetched once: sluice-balancer-20, sluice-balancer-24
  --output  file for the report (default: bench/results.md; for a quick or partial run: standard output)

It says how long it will take, and writes the report after each round: if it is stopped (Ctrl-C), the report of the rounds that are done remains.
`;

/** Reads the command line. Throws with one clear line if it is not valid; `--help` ends the process. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      measure: { type: 'string' },
      node: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const names = values.only?.split(',') ?? contenders.map(({ name }) => name);
  refuseUnknown(
    'contender',
    names,
    contenders.map(({ name }) => name),
  );
  const measured = values.measure?.split(',') ?? measurements.filter((name) => !values.quick || name !== 'inside');
  refuseUnknown('measurement', measured, measurements);
  const extent = values.quick ? quickExtent : wholeExtent;
  const rounds = Number(values.rounds ?? extent.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is "${values.rounds}", and must be a number from 1 on`);
  for (const [program, words] of [
    ['wrk', ['-v']],
    ['nginx', ['-v']],
    ['taskset', ['-V']],
    ['openssl', ['version']],
  ] as const) {
    const found = programVersion(program, words, /(\d\S*)/);
    if ('missing' in found) throw new Error(`${found.missing}: the bench needs it`);
  }
  if (availableParallelism() < 2) throw new Error('the bench needs two processors: one for the contender, one for load and upstreams');
  const onOthers = (values.node?.split(',') ?? []).map((major) => balancerOn(pinnedNode(major), `sluice-balancer-${major}`));
  const partial = values.quick || values.only !== undefined || values.measure !== undefined;
  const usual = partial ? undefined : fileURLToPath(new URL('results.md', import.meta.url));
  const chosen = [...contenders.filter(({ name }) => names.includes(name)), ...onOthers];
  return { extent: { ...extent, rounds }, measured: new Set(measured), chosen, output: values.output ?? usual };
}

function refuseUnknown(kind: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`there is no ${kind} "${unknown}"; known: ${known.join(', ')}`);
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
// The worker of nginx may run as another user.
chmodSync(folder, 0o755);
process.once('exit', () => {
  // Sends the signals before it returns; an exit handler cannot wait for the processes to end.
  void stopAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
/** The report of the rounds that are done, for standard output, which gets it once. */
let page = '';
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted = true;
    void stopAll().finally(() => {
      process.stdout.write(page, () => process.exit(1));
    });
  });
}

try {
  const { output, ...chosen } = readOptions();
  mkdirSync(join(folder, 'load'));
  const progress = (text: string) => {
    if (!interrupted) process.stderr.write(`${text}\n`);
  };
  const remains = readFileSync(new URL('remains.md', import.meta.url), 'utf8');
  let measured = false;
  const save = (results: Results) => {
    if (interrupted) return;
    measured = results.timings.size > 0;
    if (output === undefined) page = report(results, remains);
    else writeFileSync(resolve(output), report(results, remains));
  };
  await bench({ ...chosen, folder, progress, save });
  process.stdout.write(page);
  process.exitCode = measured ? 0 : 1;
} catch (error) {
  // What fails once the processes are killed says nothing.
  if (!interrupted) process.stderr.write(`bench: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 1;
}
