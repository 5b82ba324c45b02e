import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Scope } from '../../test/tools/owner.ts';
import { endOnSignals } from '../interrupts.ts';
import { type FleetOptions, runFleet } from './fleet.ts';
import { report } from './report.ts';

const help = `npm run fleet -- [--gateways N] [--projects N] [--cold] [--registry redis|remote] [--minutes M] [--deploys N] [--rest SECONDS] [--output FILE]

  --gateways   number of gateways; default 1000
  --projects   number of projects that are deployed; default 1. Of so many gateways with so many projects that memory would not hold all of
               them, most keep only the project that the deploys change: they are told of all, and get each deploy as any other
  --cold       all gateways start at the same moment with nothing on disk, and each reads everything that is deployed; without it, 16 at a time
               if there are many projects
  --registry   redis (default): gateways join through Redis; remote: through the balancer with its embedded registry
  --minutes    time in which gateways leave and new ones join, a tenth of them per minute; default 1
  --deploys    number of deploys to all gateways; default 5
  --rest       seconds in which nothing happens; default 20
  --output     file for the report; default: standard output
  --profile    folder for CPU profiles of the balancer and the gateways
`;

function readOptions(): Omit<FleetOptions, 'progress'> & { output: string | undefined } {
  const { values } = parseArgs({
    options: {
      gateways: { type: 'string', default: '1000' },
      projects: { type: 'string', default: '1' },
      cold: { type: 'boolean', default: false },
      registry: { type: 'string', default: 'redis' },
      minutes: { type: 'string', default: '1' },
      deploys: { type: 'string', default: '5' },
      rest: { type: 'string', default: '20' },
      output: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const { registry } = values;
  if (registry !== 'redis' && registry !== 'remote') throw new Error(`--registry ${registry}: must be redis or remote`);
  const count = (name: 'gateways' | 'projects' | 'deploys' | 'rest' | 'minutes', least: number, whole = true) => {
    const value = Number(values[name]);
    if (!(value >= least) || (whole && !Number.isInteger(value)))
      throw new Error(`--${name} ${values[name]}: must be a ${whole ? 'whole number' : 'number'} of at least ${least}`);
    return value;
  };
  return {
    gateways: count('gateways', 1),
    projects: count('projects', 1),
    cold: values.cold,
    registry,
    minutes: count('minutes', 0, false),
    deploys: count('deploys', 0),
    restSeconds: count('rest', 0, false),
    herd: registry === 'redis',
    flags: values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`],
    output: values.output,
  };
}

const scope = new Scope();
const interrupted = endOnSignals(scope);

try {
  const { output, ...options } = readOptions();
  const results = await runFleet(scope, { ...options, progress: (text) => process.stderr.write(`${text}\n`) });
  const page = report(results);
  if (output === undefined) process.stdout.write(page);
  else writeFileSync(resolve(output), page);
} catch (error) {
  // After an interrupt, any error is a consequence of it.
  if (!interrupted()) process.stderr.write(`fleet: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 1;
} finally {
  await scope.end().catch((error: Error) => {
    process.stderr.write(`fleet: cleaning up failed: ${error.message}\n`);
    process.exitCode = 1;
  });
}
process.exit();
