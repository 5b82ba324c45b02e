import { formatTable } from '../../src/cli/terminal/table.ts';
import { render } from '../../src/cli/terminal/text.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** A scenario that was performed, and what the machine had to do at that time. */
export interface Performed {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Processes of this machine that ran or waited for a processor, on average over the last minute of the scenario. */
  readonly machineLoad: number;
}

/** One line about a scenario that has just ended, and one for each reason why it missed its bar. */
export function progressOf({ outcome, seconds, machineLoad }: Performed): string {
  const { faults } = outcome;
  const verdict = faults.length === 0 ? 'met   ' : 'MISSED';
  const facts = `${counted(outcome)}; ${seconds.toFixed(0)} s, load average ${machineLoad.toFixed(1)}, slowdown ${outcome.slowdown.toFixed(1)}`;
  return [`${verdict} ${facts}`, ...faults.map((fault) => `       ${fault}`)].join('\n');
}

/** All scenarios as a table, then, as the last lines, how many were met, and each one that was not: its counts, and the bars that it missed. */
export function reportOf(performed: readonly Performed[], mode: string, totalSeconds: number): string {
  const rows = performed.map(({ scenario, outcome, seconds, machineLoad }) => [
    outcome.name,
    outcome.sent,
    outcome.failed,
    outcome.lost,
    outcome.late,
    outcome.duplicated,
    Math.round(outcome.longestGapMs),
    rounded(outcome.detectMs),
    rounded(scenario.bar?.detectMs),
    rounded(outcome.convergeMs),
    rounded(scenario.bar?.convergeMs),
    Math.round(seconds),
    machineLoad.toFixed(1),
    outcome.slowdown.toFixed(1),
    outcome.faults.length === 0 ? 'met' : 'missed',
  ]);
  const table = formatTable(
    columns.map((heading) => ({ heading })),
    rows,
  );
  const missed = performed.filter(({ outcome }) => outcome.faults.length > 0);
  const slow = performed.flatMap(({ scenario: { name, bar }, outcome: { faults, detectMs = 0, convergeMs = 0, slowdown } }) => {
    const within = detectMs <= (bar?.detectMs ?? detectMs) && convergeMs <= (bar?.convergeMs ?? convergeMs);
    return faults.length > 0 || within
      ? []
      : [`SLOW   ${name}: the bar is met only because the machine was ${slowdown.toFixed(1)} times slower than an idle one`];
  });
  const sum = `${performed.length - missed.length} of ${performed.length} scenarios met their bars (mode ${mode}, ${Math.round(totalSeconds)} s), ${missed.length} failed`;
  return [
    '',
    ...table.lines.map((line) => render(line, false).replaceAll('NaN', '  -')),
    '',
    ...slow,
    sum,
    ...missed.flatMap(({ outcome }) => [
      `FAILED ${outcome.name}: ${counted(outcome)}`,
      ...outcome.faults.map((fault) => `       ${fault}`),
    ]),
    '',
  ].join('\n');
}

const columns = [
  'SCENARIO',
  'SENT',
  'FAILED',
  'LOST IN FLIGHT',
  'LATE',
  'DUPLICATED',
  'LONGEST GAP ms',
  'DETECT ms',
  'BAR ms',
  'CONVERGE ms',
  'BAR ms',
  'SECONDS',
  'LOAD',
  'SLOWDOWN',
  'RESULT',
];

function counted({ sent, failed, lost, convergeMs }: Outcome): string {
  const converged = convergeMs === undefined ? '' : `, converged in ${Math.round(convergeMs)} ms`;
  return `${failed} of ${sent} requests failed, ${lost} were lost in flight as allowed${converged}`;
}

function rounded(ms: number | undefined): number {
  return ms === undefined ? Number.NaN : Math.round(ms);
}
