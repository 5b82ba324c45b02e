import { parseArgs } from 'node:util';
import { Scope } from '../../test/tools/owner.ts';
import { sampleLog } from './access-log.ts';
import { type ReplayOptions, replay } from './replay.ts';
import { report, verdict } from './report.ts';
import { System } from './system.ts';

const usage = `npm run replay -- [--log FILE] [--limit LINES] [--seconds N]
Sends the requests of an access log through a real balancer with two gateway servers. Meanwhile a third one joins, and one leaves.
  --log FILE      in Apache's common or combined format (default: bench/data/access.log.gz)
  --limit LINES   number of lines to use, from the top (default all)
  --seconds N     time over which the requests are distributed (default 5)`;

const progress = (line: string) => console.error(line);

function optionsOf(argv: readonly string[]): Omit<ReplayOptions, 'progress'> | undefined {
  const options = { log: { type: 'string' }, limit: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: [...argv], options });
  if (values.help) return undefined;
  const log = values.log ?? sampleLog;
  return { log, limit: amount('--limit', values.limit, Number.POSITIVE_INFINITY), seconds: amount('--seconds', values.seconds, 5) };
}

function amount(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new Error(`${name} must be a whole number above 0, not "${text}"`);
}

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const scope = new Scope();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => scope.end().finally(() => process.exit(130)));
  try {
    const outcome = await replay(new System(scope), { ...options, progress });
    console.log(`\n${report(outcome).join('\n')}`);
    const fault = verdict(outcome);
    if (fault === undefined) return 0;
    console.error(`error: ${fault}`);
    return 1;
  } finally {
    await scope.end();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
}
