import type { Command } from 'commander';
import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { downText } from '../../api/down-text.ts';
import { readAddress, readName } from '../argument-readers.ts';
import { jsonBody, Refused } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { sendFile } from '../input-file.ts';
import { environmentArgument } from '../name-arguments.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Column } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';

/** `sluice env …` */
export function environmentCommands(program: Command, terminal: Terminal): void {
  const env = program.command('env').description('manage environments: groups of servers that serve the same projects');

  operatorCommand(env.command('list').description('list all environments')).action(async (options: OperatorOptions) => {
    const { client, show, table } = await operatorOf(options, terminal);
    const environments = await client.get<EnvironmentAnswer[]>('/v1/environments');
    show(environments, table(environmentColumns, environments.map(environmentRow)));
  });

  operatorCommand(env.command('create').description('create an environment').argument('<name>', "the environment's name", readName))
    .option('--listen <host:port>', 'address for clients (default 127.0.0.1:8080)', readAddress)
    .option('--host <host...>', 'hosts that the environment serves (default: every host that no other environment on that listener has)')
    .option('--balance <name>', 'round-robin, least-connections, random-two, ewma or hash (default round-robin)')
    .option('-f, --file <file>', "file with the environment's settings, as in the configuration, YAML or JSON")
    .addHelpText('after', '\nExample:\n  sluice env create staging --listen 127.0.0.1:8081')
    .action(async (name: string, options: OperatorOptions & CreateOptions) => {
      const operator = await operatorOf(options, terminal);
      const made = await create(operator, name, options);
      operator.show(made, [
        `environment ${name} created, listening on ${made.listen}${(made.hosts ?? []).length > 0 ? ` for ${made.hosts?.join(', ')}` : ''}`,
      ]);
      await warnIfUnreachable(operator, made);
    });

  operatorCommand(
    env.command('show').description('show the settings and servers of an environment').addArgument(environmentArgument()),
  ).action(async (name: string, options: OperatorOptions) => {
    const { client, show, table } = await operatorOf(options, terminal);
    const environment = await client.get<EnvironmentAnswer>(apiPath`/v1/environments/${name}`);
    const servers = options.json ? [] : await client.get<ServerAnswer[]>(`/v1/servers?environment=${encodeURIComponent(name)}`);
    const { name: _, status, ...settings } = environment;
    show(environment, [
      ...table(environmentColumns, [environmentRow(environment)]),
      '',
      ...Object.entries(settings).map(([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : value}`),
      '',
      `set in the configuration: ${settingsFrom(status.origins, 'file')}`,
      `set by operators: ${settingsFrom(status.origins, 'api')}`,
      '',
      servers.length === 0 ? 'no servers' : `servers: ${servers.map((server) => `${server.id} (${server.state})`).join(', ')}`,
      ...(status.targetsDown ?? []).map((url): Line => [{ text: downText(url), tone: 'bad' }]),
    ]);
  });

  operatorCommand(env.command('delete').description('delete an environment').addArgument(environmentArgument()))
    .option('--force', 'delete it even if it has servers (they become available) or deployments')
    .action(async (name: string, options: OperatorOptions & { force?: true }) => {
      const { client, show } = await operatorOf(options, terminal);
      try {
        await client.send('DELETE', `${apiPath`/v1/environments/${name}`}${options.force ? '?force' : ''}`);
      } catch (error) {
        if (error instanceof Refused && error.problem.code === 'not-empty')
          throw new CommandFailure(`${error.problem.detail}; use --force to delete it anyway`);
        throw error;
      }
      show({ deleted: name }, [`environment ${name} deleted`]);
    });
}

function settingsFrom(origins: EnvironmentAnswer['status']['origins'], wanted: 'file' | 'api'): string {
  const paths = Object.keys(origins).filter((path) => origins[path] === wanted);
  return paths.length === 0 ? 'nothing' : paths.join(', ');
}

interface CreateOptions {
  readonly listen?: string;
  readonly host?: string[];
  readonly balance?: string;
  readonly file?: string;
}

export const environmentColumns: readonly Column[] = [
  { heading: 'ENVIRONMENT' },
  { heading: 'LISTENER', leaveOut: 3 },
  { heading: 'HOSTS', least: 10, leaveOut: 2 },
  { heading: 'BALANCE', leaveOut: 1 },
  { heading: 'WANTED', leaveOut: 4 },
];

/** The cells of an environment under {@link environmentColumns}. */
export function environmentRow(environment: EnvironmentAnswer): string[] {
  const { name, listen, hosts, balance, proxyProtocol, status } = environment;
  const spoken = (proxyProtocol ?? []).length > 0 ? ' PROXY' : '';
  return [
    name,
    `${status.listening ?? `${listen} (not open)`}${spoken}`,
    (hosts ?? []).join(',') || '*',
    balance ?? '',
    `v${status.snapshot.version}`,
  ];
}

async function create({ client }: Operator, name: string, { file, ...given }: CreateOptions): Promise<EnvironmentAnswer> {
  const path = apiPath`/v1/environments/${name}`;
  // Must not overwrite an existing environment: settings not given would go back to their defaults.
  const condition = { 'if-none-match': '*' };
  const settings = {
    ...(given.listen !== undefined && { listen: given.listen }),
    ...(given.host !== undefined && { hosts: given.host }),
    ...(given.balance !== undefined && { balance: given.balance }),
  };
  if (file !== undefined && Object.keys(settings).length > 0) throw new CommandFailure('give either --file or single settings, not both');
  try {
    return file === undefined
      ? await client.send<EnvironmentAnswer>('PUT', path, jsonBody(settings), condition)
      : await sendFile<EnvironmentAnswer>(client, 'PUT', path, file, condition);
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 412)
      throw new CommandFailure(`environment ${name} already exists: see "sluice env show ${name}"`);
    throw error;
  }
}

/** Warns if an environment without hosts gets no requests, because another one without hosts has the same listener. */
async function warnIfUnreachable({ client, note }: Operator, made: EnvironmentAnswer): Promise<void> {
  if ((made.hosts ?? []).length > 0) return;
  const others = await client.get<EnvironmentAnswer[]>('/v1/environments');
  const owner = others.find((one) => one.name !== made.name && one.listen === made.listen && (one.hosts ?? []).length === 0);
  if (owner)
    note(
      `note: ${owner.name} already gets every request at ${made.listen}; give ${made.name} hosts or another listener before clients use it`,
    );
}
