import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Scope } from '../../test/tools/owner.ts';
import { endOnSignals } from '../interrupts.ts';
import { runControlBench } from './control-bench.ts';
import { report } from './report.ts';

const help = `npm run bench:control [-- --quick] [--only TEXT] [--servers N] [--output FILE]

  --quick    few servers and short times, to see that everything works; the figures are rough
  --only     asks only for the things whose names begin with this text, such as "push"
  --servers  number of registered servers, and of static ones; default 2000
  --output   file for the report; default: standard output
`;

const scope = new Scope();
const interrupted = endOnSignals(scope);

try {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      servers: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const { servers, ...times } = values.quick
    ? { servers: 20, revisions: 5, seconds: 0.3, quietSeconds: 0.1 }
    : { servers: 2000, revisions: 300, seconds: 6, quietSeconds: 2 };
  const wanted = Number(values.servers ?? servers);
  if (!Number.isInteger(wanted) || wanted < 1) throw new Error(`--servers ${values.servers}: must be a whole number of at least 1`);
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const results = await runControlBench(scope, { ...times, servers: wanted, only: values.only, givesWay: true, progress });
  const page = report(results);
  if (values.output === undefined) process.stdout.write(page);
  else writeFileSync(resolve(values.output), page);
} catch (error) {
  // After an interrupt, any error is a consequence of it.
  if (!interrupted()) process.stderr.write(`bench:control: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 1;
} finally {
  await scope.end();
}
process.exit();
