import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bench } from './bench.ts';
import { contenders } from './contenders/index.ts';
import { balancerOn } from './contenders/sluice-balancer.ts';
import { pinnedNode } from './node-program.ts';
import { stopAll } from './processes.ts';
import { report } from './report.ts';
import { programVersion } from './versions.ts';

const help = `npm run bench -- [--quick] [--only NAME,NAME…] [--node MAJOR,MAJOR…] [--output FILE]

  --quick   one short round, to see that everything works; the figures are rough
  --only    any of: ${contenders.map(({ name }) => name).join(', ')}
  --node    measures Sluice's balancer on these major versions of Node.js as well, which are fetched once: sluice-balancer-20, sluice-balancer-24
  --output  file for the report (default: bench/results.md; for a quick or partial run: standard output)
`;

/** Reads the command line. Throws with one clear line if it is not valid; `--help` ends the process. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
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
  const unknown = names.find((name) => !contenders.some((contender) => contender.name === name));
  if (unknown !== undefined) throw new Error(`there is no contender "${unknown}"; known: ${contenders.map(({ name }) => name).join(', ')}`);
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
  const partial = values.quick || values.only !== undefined;
  const usual = partial ? undefined : fileURLToPath(new URL('results.md', import.meta.url));
  const chosen = [...contenders.filter(({ name }) => names.includes(name)), ...onOthers];
  return { quick: values.quick, chosen, output: values.output ?? usual };
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
// The worker of nginx may run as another user.
chmodSync(folder, 0o755);
process.once('exit', () => {
  // Sends the signals before it returns; an exit handler cannot wait for the processes to end.
  void stopAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void stopAll().finally(() => process.exit(1));
  });
}

try {
  const { quick, chosen, output } = readOptions();
  mkdirSync(join(folder, 'load'));
  const results = await bench({ chosen, quick, folder, progress: (text) => process.stderr.write(`${text}\n`) });
  const page = report(results, readFileSync(new URL('remains.md', import.meta.url), 'utf8'));
  if (output === undefined) process.stdout.write(page);
  else writeFileSync(resolve(output), page);
  process.exitCode = results.timings.size > 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 1;
}
