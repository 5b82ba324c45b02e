import type { Usage } from './meter.ts';
import type { FleetResults } from './results.ts';
import type { Spread } from './spread.ts';

/** Longest times of a fleet of a thousand on two cores, in milliseconds. */
const goals = { ready: 10_000, deploy: 2000 };

/** Writes the results page, as Markdown. */
export function report(results: FleetResults): string {
  const { gateways, projects, whole, cold, registry, date, machine, storm, rest, deploys, churn, herd, leaving, traffic } = results;
  const slowestDeploy = Math.max(...deploys.map(({ acknowledged }) => acknowledged.max));
  const times: [string, Spread][] = [
    ['join storm: snapshot acknowledged', storm.acknowledged],
    ['join storm: in rotation', storm.inRotation],
    ...deploys.map(({ acknowledged }, index): [string, Spread] => [`deploy ${index + 1} to all: acknowledged`, acknowledged]),
    ...(churn
      ? [['join and leave: in rotation', churn.joined] as [string, Spread], ['join and leave: left', churn.left] as [string, Spread]]
      : []),
    ...(herd
      ? [
          ['Redis restarted: reconnected', herd.reconnected] as [string, Spread],
          ['Redis restarted: renewed', herd.renewed] as [string, Spread],
        ]
      : []),
    ['all leave: left', leaving],
  ];
  const usages: [string, Usage][] = [
    ['join storm', storm.usage],
    ['idle', rest],
    ...deploys.map(({ usage }, index): [string, Usage] => [`deploy ${index + 1}`, usage]),
    ...(churn ? [[`join and leave for ${churn.minutes} min`, churn.usage] as [string, Usage]] : []),
    ...(herd ? [['Redis restarted', herd.usage] as [string, Usage]] : []),
  ];
  return `# A fleet of ${gateways} gateways with ${projects} ${projects === 1 ? 'project' : 'projects'}

${date.toISOString()}, \`npm run fleet -- --gateways ${gateways}${projects === 1 ? '' : ` --projects ${projects}`}${cold ? ' --cold' : ''} --registry ${registry}\`; ${
    registry === 'redis'
      ? 'gateways join through Redis'
      : "gateways join over the balancer's WebSocket endpoint; its registry is the embedded one"
  }. ${whole === gateways ? '' : `${whole} of the gateways held all projects, the others only the one that the deploys change: memory would not hold more. `}${cold ? 'All gateways started at the same moment with nothing on disk, and each read everything. ' : projects === 1 ? '' : 'The gateways joined in groups of 16. '}Everything, including gateways and clients, runs on one machine:

${machine.map((line) => `- ${line}`).join('\n')}

| goal | measured | |
|---|---|---|
${projects === 1 ? `| ${gateways} gateways in rotation within ${goals.ready / 1000} s | ${seconds(storm.inRotation.max)} | ${verdict(storm.inRotation.max, goals.ready)} |\n` : ''}${deploys.length === 0 ? '' : `| a deploy acknowledged by all within ${goals.deploy / 1000} s | ${seconds(slowestDeploy)} (slowest of ${deploys.length}) | ${verdict(slowestDeploy, goals.deploy)} |\n`}| no request failed | ${traffic.failed} of ${traffic.sent} | ${verdict(traffic.failed, 0)} |
${traffic.faults.map((fault) => `\n- ${fault}`).join('')}
| milliseconds until | gateways | p50 | p99 | max |
|---|---:|---:|---:|---:|
${times.map(([what, { count, p50, p99, max }]) => `| ${what} | ${count} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${max.toFixed(0)} |`).join('\n')}
${herd ? `\nRedis was away for ${herd.awayMs.toFixed(0)} ms; at most ${herd.busiest} gateways reconnected in the same tenth of a second, and after ${herd.convergedMs.toFixed(0)} ms the balancer showed all of them as ready, up and current.\n` : ''}
| CPU in percent of a core | seconds | balancer | Redis | all gateways | calls/s | news received/s | Redis commands/s | Redis MiB in and out |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
${usages.map(([what, usage]) => usageRow(what, usage)).join('\n')}

${deployLines(deploys)}${memoryLines(results)}
`;
}

function usageRow(what: string, usage: Usage): string {
  const percent = (value: number | undefined) => value?.toFixed(1) ?? '–';
  const rate = (value: number | undefined) => value?.toFixed(0) ?? '–';
  const { seconds, balancerCpu, redisCpu, gatewaysCpu, callsPerSecond, newsPerSecond, commandsPerSecond, redisOctets } = usage;
  const mebibytes = (value: number | undefined) => (value === undefined ? '–' : (value / 2 ** 20).toFixed(2));
  return `| ${what} | ${seconds.toFixed(1)} | ${percent(balancerCpu)} | ${percent(redisCpu)} | ${percent(gatewaysCpu)} | ${rate(callsPerSecond)} | ${rate(newsPerSecond)} | ${rate(commandsPerSecond)} | ${mebibytes(redisOctets)} |`;
}

function deployLines(deploys: FleetResults['deploys']): string {
  if (deploys.length === 0) return '';
  return `The admin API answered the deploys after ${deploys.map(({ answeredMs }) => answeredMs.toFixed(0)).join(', ')} ms.\n\n`;
}

function memoryLines({ gateways, memory: { before, after } }: FleetResults): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const each = (one: number, other: number) => `${((other - one) / gateways / 1024).toFixed(1)} KiB for each gateway`;
  const lines = [
    `- balancer: ${mebibytes(before.balancer)} without gateways, ${mebibytes(after.balancer)} with all of them: ${each(before.balancer, after.balancer)}`,
  ];
  if (before.redis !== undefined && after.redis !== undefined)
    lines.push(
      `- Redis: ${mebibytes(before.redis)} without gateways, ${mebibytes(after.redis)} with all of them: ${each(before.redis, after.redis)}, including its two connections`,
    );
  return `Memory:\n\n${lines.join('\n')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function verdict(measured: number, limit: number): string {
  return measured <= limit ? 'met' : '**not met**';
}
