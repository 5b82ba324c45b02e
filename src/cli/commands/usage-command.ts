import type { Command } from 'commander';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { downText } from '../../api/down-text.ts';
import { minuteOf } from '../../api/minute-of.ts';
import type { ConsumerUsage, ProjectUsage, UsageAnswer, UsageFigures } from '../../api/usage-answers.ts';
import { CommandFailure } from '../command-failure.ts';
import { environmentOption, NameOption, projectOption } from '../name-arguments.ts';
import { type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import { perSecond, time } from '../terminal/figures.ts';
import type { Cell, Column } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';

interface UsageOptions extends OperatorOptions {
  readonly environment?: string;
  readonly project?: string;
  readonly consumer?: string;
}

const figureColumns: readonly Column[] = [
  { heading: 'REQUESTS' },
  { heading: 'REQ/S', rightward: true, leaveOut: 4 },
  { heading: 'REFUSED' },
  { heading: 'FAILED', rightward: true },
  { heading: 'P50', rightward: true, leaveOut: 2 },
  { heading: 'P95', rightward: true, leaveOut: 3 },
  { heading: 'P99', rightward: true, leaveOut: 1 },
];

/** `sluice usage` */
export function usageCommand(program: Command, terminal: Terminal): void {
  operatorCommand(
    program
      .command('usage')
      .description(
        'show who calls what, how much, how often refused: requests, refusals, failures and latencies of projects and consumers, as counted since the servers started',
      ),
  )
    .addOption(environmentOption('the environment (default: the only one)'))
    .addOption(projectOption('only this project, with its resources, targets and policies'))
    .addOption(new NameOption('--consumer <name>', 'only this consumer in the list of consumers', 'consumer'))
    .addHelpText('after', '\nExample:\n  sluice usage --project petstore')
    .action(async (options: UsageOptions) => {
      const operator = await operatorOf(options, terminal);
      const { project, consumer } = options;
      const environment = options.environment ?? (await onlyEnvironment(operator));
      const query = new URLSearchParams({ environment, ...(project && { project }), ...(consumer && { consumer }) });
      const usage = await operator.client.get<UsageAnswer>(`/v1/usage?${query}`);
      operator.show(usage, lines(operator, usage, options));
    });
}

async function onlyEnvironment({ client }: Operator): Promise<string> {
  const [only, ...more] = await client.get<EnvironmentAnswer[]>('/v1/environments');
  if (only === undefined) throw new CommandFailure('there is no environment: create one with "sluice env create NAME"');
  if (more.length === 0) return only.name;
  const names = [only, ...more].map(({ name }) => name).join(', ');
  throw new CommandFailure(`there are several environments: name one with --environment (${names})`);
}

function lines(operator: Operator, usage: UsageAnswer, { project, consumer }: UsageOptions): Line[] {
  const { projects, consumers, consumersLeftOff, down } = usage;
  const of = project === undefined ? '' : ` of project ${project}`;
  return [
    ...serverLines(usage),
    '',
    ...(projects.length === 0 ? [`no requests${of}`] : tableOf(operator, 'PROJECT', projects, (one) => one.project)),
    ...projects.flatMap((one) => partsOf(operator, one)),
    '',
    ...(consumers.length === 0
      ? [`no requests${of} ${consumer === undefined ? 'by consumers' : `by consumer ${consumer}`}`]
      : consumerTable(operator, consumers)),
    ...(consumersLeftOff === 0 ? [] : [`and ${consumersLeftOff} more with fewer requests: name one with --consumer`]),
    ...(down.length === 0 ? [] : ['', ...down.map((url): Line => [{ text: downText(url), tone: 'bad' }])]),
  ];
}

/** The servers whose counts these are, and those whose counts are missing. */
function serverLines({ environment, since, servers: { asked, answered, silent, unsupported } }: UsageAnswer): Line[] {
  const begun = since === null ? '' : `, counted since ${minuteOf(since)}`;
  const missing = (ids: readonly string[], why: string): Line[] =>
    ids.length === 0 ? [] : [[{ text: `without ${ids.join(', ')}: ${why}`, tone: 'warn' }]];
  return [
    `${environment}: ${answered} of ${asked} servers${begun}`,
    ...missing(silent, 'no answer'),
    ...missing(unsupported, 'static servers, other programs and older versions report no counts'),
  ];
}

function partsOf(operator: Operator, { routes, targets, policies }: ProjectUsage): Line[] {
  return [
    ...(routes.length === 0 ? [] : ['', ...tableOf(operator, 'RESOURCE', routes, ({ resource }) => resource || '(none matched)')]),
    ...(targets.length === 0 ? [] : ['', ...tableOf(operator, 'TARGET', targets, ({ target }) => target)]),
    ...(policies.length === 0
      ? []
      : [
          '',
          ...operator.table(
            [{ heading: 'POLICY' }, { heading: 'REFUSED' }],
            policies.map(({ policy, refused }) => [policy, refused]),
          ),
        ]),
  ];
}

function consumerTable({ table }: Operator, consumers: readonly ConsumerUsage[]): Line[] {
  const columns = [{ heading: 'CONSUMER' }, { heading: 'PROJECT' }, ...figureColumns, { heading: 'LAST SEEN', leaveOut: 0 }];
  const rows = consumers.map((one): Cell[] => [
    one.consumer || '(others)',
    one.project,
    ...figuresOf(one),
    one.lastSeen === null ? '-' : minuteOf(one.lastSeen),
  ]);
  return table(columns, rows);
}

function tableOf<Row extends UsageFigures>(
  { table }: Operator,
  heading: string,
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): Line[] {
  return table(
    [{ heading, least: 12 }, ...figureColumns],
    rows.map((row): Cell[] => [nameOf(row), ...figuresOf(row)]),
  );
}

function figuresOf({ requests, perSecond: rate, refused, failed, p50, p95, p99 }: UsageFigures): Cell[] {
  const toned = (count: number): Cell => (count === 0 ? '0' : { text: String(count), tone: 'bad' });
  return [requests, perSecond(rate), refused, toned(failed), time(p50), time(p95), time(p99)];
}
