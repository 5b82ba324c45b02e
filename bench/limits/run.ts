import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Scope } from '../../test/tools/owner.ts';
import { measureLive } from './live.ts';
import { simulate } from './simulated.ts';

const help = `node --import=tsx bench/limits/run.ts [--model] [--gateways N] [--limits N,N…] [--loads N,N…] [--traffic NAME,NAME…] [--seconds N] [--output FILE]

Measures how exact a limit is that gateway servers share, and how seldom they call the registry: requests of one consumer come at random, and an
exact token bucket decides about the same ones. After a build; with a real Redis, a balancer, and gateway servers in processes of their own.
  --model     the same code with a clock of the test, for more gateways and kinds of traffic; "alone" is without a balancer in front
  --gateways  default: 3, of the model 10
  --limits    requests a second; default: 100,200,1000
  --loads     multiples of the limit; default: 0.8,1,1.2,3
  --traffic   of the model: even, zipf, hops, bursts, home; default: even,zipf,hops,bursts
  --seconds   of each measurement, after ten to settle; default: 20, of the model 60
  --output    file for the table (default: standard output)
`;

const { values } = parseArgs({
  options: {
    model: { type: 'boolean', default: false },
    gateways: { type: 'string' },
    limits: { type: 'string', default: '100,200,1000' },
    loads: { type: 'string', default: '0.8,1,1.2,3' },
    traffic: { type: 'string', default: 'even,zipf,hops,bursts' },
    seconds: { type: 'string' },
    output: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const numbers = (list: string) => list.split(',').map(Number);

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const { model } = values;
  const gateways = Number(values.gateways ?? (model ? 10 : 3));
  const seconds = Number(values.seconds ?? (model ? 60 : 20));
  const [limits, loads] = [numbers(values.limits), numbers(values.loads)];
  const scope = new Scope();
  try {
    const rows = model
      ? simulate({ gateways, limits, loads, seconds, traffics: values.traffic.split(',') })
      : measureLive(scope, { gateways, limits, loads, seconds });
    const lines = [
      '| limit | gateways | traffic | load | allowed a second | less than one bucket | requests a call | over | ms missed |',
      `|${' --- |'.repeat(9)}`,
    ];
    for await (const { limit, traffic, load, allowedPerSecond, under, perCall, over, lateMs } of rows) {
      const cells = [
        `${limit}/s`,
        gateways,
        traffic,
        load,
        allowedPerSecond.toFixed(1),
        `${(100 * under).toFixed(2)} %`,
        perCall.toFixed(0),
        over.toFixed(1),
        lateMs.toFixed(0),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
      process.stderr.write(`${lines.at(-1)}\n`);
    }
    const text = `${lines.join('\n')}\n`;
    if (values.output === undefined) process.stdout.write(text);
    else writeFileSync(values.output, text);
  } finally {
    await scope.end();
  }
}

await main();
