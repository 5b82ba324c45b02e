import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { answerText, decisionWords } from '../../api/decision-words.ts';
import type { Explanation } from '../../model/explanation.ts';
import { jsonBody } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { environmentOption } from '../name-arguments.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';

interface ExplainOptions extends OperatorOptions {
  readonly environment?: string;
  readonly header?: readonly (readonly [name: string, value: string])[];
  readonly client?: string;
}

/** `sluice explain` */
export function explainCommand(program: Command, terminal: Terminal): void {
  operatorCommand(
    program
      .command('explain')
      .description('show what happens to a request: its project, resource and the decision of each policy. Nothing is sent to a target')
      .argument('<method>', 'method, such as GET')
      .argument('<url>', 'path such as /petstore/pets/7, or a URL'),
  )
    .addOption(new Option('-H, --header <field>', "header field as 'name: value'; can be repeated").argParser(readField))
    .addOption(environmentOption('the environment (default: the one that has the host of the URL, or the only one)'))
    .option('--client <address>', 'IP address of the client (default: 127.0.0.1)')
    .addHelpText('after', "\nExample:\n  sluice explain GET /petstore/pets/7 -H 'x-api-key: secret'")
    .action(async (method: string, url: string, options: ExplainOptions) => {
      const operator = await operatorOf(options, terminal);
      const environment = options.environment ?? (await environmentFor(url, operator));
      const body = { method, url, headers: options.header ?? [], ...(options.client !== undefined && { clientAddress: options.client }) };
      const explained = await operator.client.send<Explanation>('POST', apiPath`/v1/environments/${environment}/explain`, jsonBody(body));
      operator.show(explained, lines(operator, explained));
    });
}

function readField(text: string, before: readonly (readonly [string, string])[] = []): [string, string][] {
  const [, name, value] = /^([^:\s]+):\s*(.*?)\s*$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("must be 'name: value'");
  return [...before.map(([one, other]): [string, string] => [one, other]), [name, value]];
}

/** The environment that would get the request: the only one, or the one that claims the host of the URL, or its host and port. */
async function environmentFor(url: string, { client }: Operator): Promise<string> {
  const environments = await client.get<EnvironmentAnswer[]>('/v1/environments');
  const { host = '', hostname = '' } = URL.canParse(url) ? new URL(url) : {};
  const claiming = environments.filter(({ listen, hosts = [] }) =>
    hosts.length === 0 ? listen === host : hosts.some((one) => covers(one, hostname)),
  );
  const [only, ...more] = claiming.length > 0 ? claiming : environments;
  if (only !== undefined && more.length === 0) return only.name;
  if (only === undefined) throw new CommandFailure('there is no environment: create one with "sluice env create NAME"');
  const names = environments.map(({ name }) => name).join(', ');
  throw new CommandFailure(`several environments could get the request: name one with --environment (${names})`);
}

function covers(claimed: string, hostname: string): boolean {
  return claimed.startsWith('*.') ? hostname.endsWith(claimed.slice(1)) : claimed === hostname;
}

function lines({ table }: Operator, { environment, servers, project, resource, policies, outcome }: Explanation): Line[] {
  const where = [
    ['environment', environment],
    ['servers', servers.length === 0 ? 'none takes requests' : servers.join(', ')],
    ['project', project === null ? 'none has this path' : `${project.name}@${project.revision} at ${project.basePath}`],
    [
      'resource',
      resource === null ? 'none' : `${resource.methods?.join(', ') ?? 'every method'} ${resource.path}, target ${resource.target}`,
    ],
  ];
  const rows = policies.map(({ name, point, decision, answer }) => [
    name,
    point,
    {
      text: answer === undefined ? decisionWords[decision] : answerText(answer),
      tone: decision === 'answers' ? ('warn' as const) : ('faint' as const),
    },
  ]);
  return [
    ...where.map(([what = '', text = '']): Line => [{ text: `${what}: `, tone: 'faint' }, text]),
    ...(rows.length === 0
      ? ['policies: none']
      : ['', ...table([{ heading: 'POLICY' }, { heading: 'POINT' }, { heading: 'DECISION' }], rows)]),
    ...policies.flatMap(({ name, changes = [] }) => changes.map((change): Line => `  ${name}: ${change}`)),
    '',
    'answer' in outcome
      ? [{ text: 'answered here: ', tone: 'faint' }, answerText(outcome.answer)]
      : [{ text: 'forwarded: ', tone: 'faint' }, `${outcome.forwarded.method} ${outcome.forwarded.url} (Host: ${outcome.forwarded.host})`],
  ];
}
