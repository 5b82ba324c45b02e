import type { ControlResults, Latency } from './control-bench.ts';
import { longTurnMs } from './turns.ts';

/** Milliseconds by which p99 of traffic may rise, whatever the control plane is asked. */
const goalMs = 5;

/** Writes the results page, as Markdown. */
export function report({ date, machine, servers, empty, quiet, computing, asked }: ControlResults): string {
  const rows: (readonly [string, string, Latency])[] = [
    ['(nothing registered)', '', empty],
    ['(quiet)', '', quiet],
    ['(quiet, another process computes)', '', computing],
    ...asked.map((one) => [one.name, String(one.answers), one] as const),
  ];
  const worst = asked
    .map((one) => ({ name: one.name, ms: one.balancer.p99 - quiet.balancer.p99 }))
    .sort((one, other) => other.ms - one.ms)[0];
  const silent = rows.filter(([, , one]) => one.unanswered > 0).map(([name, , one]) => `${name}: ${one.unanswered}`);
  return `# Traffic while the control plane is asked

${date.toISOString()}, \`npm run bench:control\`; one \`sluice serve\` with \`workers: 0\`, ${servers} registered and ${servers} static servers. Plain requests
at a steady rate through the balancer alone, and through the balancer and a gateway server. A turn is the time for which the event loop of the balancer, or of the gateway server, is held up,
without the time in which another process had the processor. Everything runs on one machine, where all processes compete for its processors. The clients that
ask run only while a processor has nothing else to do, as if they were on other machines; the row of another process that computes, with the same priority,
shows what remains of that competition.

${machine.map((line) => `- ${line}`).join('\n')}

${worst === undefined ? '' : `p99 through the balancer rises by at most ${worst.ms.toFixed(1)} ms (${worst.name}); goal: less than ${goalMs} ms: ${worst.ms < goalMs ? 'met' : '**not met**'}\n`}${silent.length === 0 ? '' : `\n**Requests without an answer for 10 s**, counted as 10 s: ${silent.join(', ')}\n`}
| milliseconds while asked for | answers | balancer p50 | p99 | max | p99 rises by | longest turn | turns > ${longTurnMs} ms | gateway p50 | p99 | max | p99 rises by | longest turn | turns > ${longTurnMs} ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.map(([name, answers, one]) => `| ${name} | ${answers} | ${cells(one, 'balancer', quiet)} | ${cells(one, 'gateway', quiet)} |`).join('\n')}
`;
}

function cells(one: Latency, path: 'balancer' | 'gateway', quiet: Latency): string {
  const { p50, p99, max } = one[path];
  const { longestMs, long } = one.turns[path];
  const rise = p99 - quiet[path].p99;
  const shown = rise < goalMs ? rise.toFixed(1) : `**${rise.toFixed(1)}**`;
  return [p50.toFixed(2), p99.toFixed(1), max.toFixed(1), shown, longestMs.toFixed(1), long].join(' | ');
}
