import type { Usage } from './meter.ts';
import type { FleetResults } from './results.ts';
import type { Spread } from './spread.ts';

/** The bar of a fleet of a thousand on two cores, in milliseconds. */
const bar = { ready: 10_000, deploy: 2000 };

/** The results as markdown. */
export function report(results: FleetResults): string {
  const { gateways, registry, date, machine, storm, rest, deploys, churn, herd, leaving, traffic } = results;
  const slowestDeploy = Math.max(...deploys.map(({ acknowledged }) => acknowledged.max));
  const times: [string, Spread][] = [
    ['join storm: snapshot acknowledged', storm.acknowledged],
    ['join storm: in rotation', storm.inRotation],
    ...deploys.map(({ acknowledged }, index): [string, Spread] => [`deploy ${index + 1} to all: acknowledged`, acknowledged]),
    ...(churn
      ? [['coming and going: in rotation', churn.joined] as [string, Spread], ['coming and going: left', churn.left] as [string, Spread]]
      : []),
    ...(herd
      ? [['Redis back: reconnected', herd.reconnected] as [string, Spread], ['Redis back: renewed', herd.renewed] as [string, Spread]]
      : []),
    ['all leave: gone', leaving],
  ];
  const usages: [string, Usage][] = [
    ['join storm', storm.usage],
    ['at rest', rest],
    ...deploys.map(({ usage }, index): [string, Usage] => [`deploy ${index + 1}`, usage]),
    ...(churn ? [[`${churn.minutes} min of coming and going`, churn.usage] as [string, Usage]] : []),
    ...(herd ? [['Redis restarted', herd.usage] as [string, Usage]] : []),
  ];
  return `# A fleet of ${gateways} gateways

${date.toISOString()}, \`npm run fleet -- --gateways ${gateways} --registry ${registry}\`; ${
    registry === 'redis'
      ? 'gateways join through Redis'
      : "gateways join over the balancer's WebSocket endpoint; its registry is the embedded one"
  }. Everything, gateways and clients included, runs on this one machine:

${machine.map((line) => `- ${line}`).join('\n')}

| bar | found | |
|---|---|---|
| ${gateways} gateways in rotation within ${bar.ready / 1000} s | ${seconds(storm.inRotation.max)} | ${verdict(storm.inRotation.max, bar.ready)} |
${deploys.length === 0 ? '' : `| a deploy acknowledged by all within ${bar.deploy / 1000} s | ${seconds(slowestDeploy)} (slowest of ${deploys.length}) | ${verdict(slowestDeploy, bar.deploy)} |\n`}| no request failed | ${traffic.failed} of ${traffic.sent} | ${verdict(traffic.failed, 0)} |
${traffic.faults.map((fault) => `\n- ${fault}`).join('')}
| milliseconds until | of | p50 | p99 | max |
|---|---:|---:|---:|---:|
${times.map(([what, { count, p50, p99, max }]) => `| ${what} | ${count} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${max.toFixed(0)} |`).join('\n')}
${herd ? `\nRedis was away for ${herd.awayMs.toFixed(0)} ms; at most ${herd.busiest} gateways reconnected within the same tenth of a second, and after ${herd.convergedMs.toFixed(0)} ms the balancer showed all of them as ready, up and current.\n` : ''}
| CPU in percent of a core | seconds | balancer | Redis | all gateways | calls/s | news heard/s | Redis commands/s |
|---|---:|---:|---:|---:|---:|---:|---:|
${usages.map(([what, usage]) => usageRow(what, usage)).join('\n')}

${memoryLines(results)}
`;
}

function usageRow(what: string, usage: Usage): string {
  const percent = (value: number | undefined) => value?.toFixed(1) ?? '–';
  const rate = (value: number | undefined) => value?.toFixed(0) ?? '–';
  const { seconds, balancerCpu, redisCpu, gatewaysCpu, callsPerSecond, newsPerSecond, commandsPerSecond } = usage;
  return `| ${what} | ${seconds.toFixed(1)} | ${percent(balancerCpu)} | ${percent(redisCpu)} | ${percent(gatewaysCpu)} | ${rate(callsPerSecond)} | ${rate(newsPerSecond)} | ${rate(commandsPerSecond)} |`;
}

function memoryLines({ gateways, memory: { before, after } }: FleetResults): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const each = (one: number, other: number) => `${((other - one) / gateways / 1024).toFixed(1)} KiB a gateway`;
  const lines = [
    `- balancer: ${mebibytes(before.balancer)} without gateways, ${mebibytes(after.balancer)} with all: ${each(before.balancer, after.balancer)}`,
  ];
  if (before.redis !== undefined && after.redis !== undefined)
    lines.push(
      `- Redis: ${mebibytes(before.redis)}, then ${mebibytes(after.redis)}: ${each(before.redis, after.redis)}, its two connections included`,
    );
  return `Memory:\n\n${lines.join('\n')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function verdict(found: number, most: number): string {
  return found <= most ? 'met' : '**missed**';
}
