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
  const silent = rows.filter(([, , one]) => one.unanswered > 0).map(([name, , one]) => `${name}: ${one.unanswered}`);
  return `# Traffic while the control plane is asked

${date.toISOString()}, \`npm run bench:control\`; one \`sluice serve\` with \`workers: 0\`, ${servers} registered and ${servers} static servers. Plain requests
at a steady rate through the balancer alone, and through the balancer and a gateway server. A turn is the time for which the event loop of the balancer, or of the gateway server, is held up,
without the time in which another process had the processor.

Everything runs on one machine, where all processes compete for its processors. The clients that ask run only while a processor has nothing else to do, and
those of traffic, with their target, go before all others if root runs this: as if they were on other machines. Still a request may wait for a processor: in the row in which another process computes and nothing is asked, all of the
rise is that. "Running" is p99 of the same requests without the time in which the balancer, or the gateway server, certainly waited for a processor that another
process had: with processors of their own they would have had no such waits. Where the wait may have been before or after the request it is not taken out. Turns
tell of the control plane alone.

${machine.map((line) => `- ${line}`).join('\n')}

${asked.length === 0 ? '' : `${turnsJudged(asked)}\n${latencyJudged(asked, quiet, computing)}\n`}${silent.length === 0 ? '' : `\n**Requests without an answer for 10 s**, counted as 10 s: ${silent.join(', ')}\n`}
| milliseconds while asked for | answers | balancer p50 | p99 | max | p99 rises by | running p99 | rises by | longest turn | turns > ${longTurnMs} ms | gateway p50 | p99 | max | p99 rises by | running p99 | rises by | longest turn | turns > ${longTurnMs} ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.map(([name, answers, one]) => `| ${name} | ${answers} | ${cells(one, 'balancer', quiet)} | ${cells(one, 'gateway', quiet)} |`).join('\n')}
`;
}

type Asked = ControlResults['asked'];

/** Says in which rows the event loop of a role was held up for long. */
function turnsJudged(asked: Asked): string {
  const long = (['balancer', 'gateway'] as const).map((role) => {
    const rows = asked.filter(({ turns }) => turns[role].long > 0).map(({ name, turns }) => `${name}: ${turns[role].long}`);
    return { role, rows };
  });
  const told = long.map(
    ({ role, rows }) => `of the ${role} in ${rows.length} of ${asked.length} rows${rows.length === 0 ? '' : ` (${rows.join(', ')})`}`,
  );
  return `- Turns of more than ${longTurnMs} ms: ${told.join('; ')}; goal: in none: ${verdict(long.every(({ rows }) => rows.length === 0))}`;
}

/** Says by how much the latency of traffic rises at most, as it was and without waits for processors, and how much competition for processors alone raises it. */
function latencyJudged(asked: Asked, quiet: Latency, computing: Latency): string {
  const risen = (of: (one: Latency) => number) => {
    const rise = (one: Latency) => of(one) - of(quiet);
    const worst = asked.reduce((most, one) => (rise(one) > rise(most) ? one : most));
    return `${rise(worst).toFixed(1)} ms (${worst.name}); goal: less than ${goalMs} ms: ${verdict(rise(worst) < goalMs)}; it rises by ${rise(computing).toFixed(1)} ms while another process computes and nothing is asked`;
  };
  return `- p99 through the balancer rises by at most ${risen((one) => one.balancer.p99)}
- Without the time in which the balancer waited for a processor, it rises by at most ${risen((one) => one.running.balancer.p99)}
- Through the balancer and the gateway server, without the time in which either waited, it rises by at most ${risen((one) => one.running.gateway.p99)}`;
}

function verdict(met: boolean): string {
  return met ? 'met' : '**not met**';
}

function cells(one: Latency, path: 'balancer' | 'gateway', quiet: Latency): string {
  const { p50, p99, max } = one[path];
  const { longestMs, long } = one.turns[path];
  const running = one.running[path].p99;
  const rises = [risen(p99 - quiet[path].p99), running.toFixed(1), risen(running - quiet.running[path].p99)];
  return [p50.toFixed(2), p99.toFixed(1), max.toFixed(1), ...rises, longestMs.toFixed(1), long].join(' | ');
}

function risen(ms: number): string {
  return ms < goalMs ? ms.toFixed(1) : `**${ms.toFixed(1)}**`;
}
