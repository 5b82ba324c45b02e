import type { Command } from 'commander';
import type { DeploymentsAnswer, ServerAnswer } from '../../api/answers.ts';
import { readWeight } from '../arguments.ts';
import { type ControlClient, jsonBody } from '../client/control-client.ts';
import { Failure } from '../failure.ts';
import { environmentOption, serverArgument } from '../names.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { timeoutOption, waitUntil } from '../waiting.ts';
import { described, drained, joined, removed, type ServerProgress } from './server-progress.ts';
import { serverColumns, serverRow } from './server-table.ts';

interface WaitOptions extends OperatorOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

/** A change of one server, and how to see how far it is. */
interface Change {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly see: (server: ServerAnswer, client: ControlClient) => ServerProgress | Promise<ServerProgress>;
  /** What to do if it takes too long. */
  readonly remedy?: string;
}

/** `sluice server …` */
export function serverCommands(program: Command, terminal: Terminal): void {
  const server = program.command('server').description('gateway servers: where they are, how they are');
  const named = (name: string, description: string) =>
    operatorCommand(server.command(name).description(description).addArgument(serverArgument()));

  operatorCommand(server.command('list').description('all servers, or those of one environment'))
    .addOption(environmentOption('only these'))
    .action(async (options: OperatorOptions & { environment?: string }) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const query = options.environment === undefined ? '' : `?environment=${encodeURIComponent(options.environment)}`;
      const servers = await client.get<ServerAnswer[]>(`/v1/servers${query}`);
      show(servers, servers.length === 0 ? ['no servers'] : table(serverColumns, servers.map(serverRow)));
    });

  waiting(named('add', 'move a server into an environment; one of another environment is drained there first'))
    .addOption(environmentOption('where it is to go').makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  sluice server add gateway-3 --environment production')
    .action(async (id: string, options: WaitOptions & { environment: string }) => {
      const { environment } = options;
      const see = async (one: ServerAnswer, client: ControlClient) => joined(one, environment, await projectsIn(client, environment));
      const remedy = `look at it with "sluice status", and at its own log`;
      const path = apiPath`/v1/environments/${environment}/servers/${id}`;
      const operator = await operatorOf(options, terminal);
      await change(operator, { id, method: 'PUT', path, see, remedy }, options);
      if (options.wait && !options.json) await tellShare(operator, id, environment);
    });

  waiting(named('remove', 'take a server out of its environment, drained first')).action(async (id: string, options: WaitOptions) => {
    const operator = await operatorOf(options, terminal);
    const { environment } = await operator.client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
    if (environment === null) throw new Failure(`server ${id} is in no environment`);
    const remedy = 'it leaves when the last exchange has ended; give it longer with --timeout, or stop that server';
    await change(
      operator,
      { id, method: 'DELETE', path: apiPath`/v1/environments/${environment}/servers/${id}`, see: removed, remedy },
      options,
    );
  });

  waiting(named('drain', 'give a server no new requests; what is in flight finishes')).action(async (id: string, options: WaitOptions) => {
    const remedy = `it gets nothing new; give it longer with --timeout, or let it work again with "sluice server resume ${id}"`;
    await patch(id, { draining: true }, drained, options, remedy);
  });

  named('resume', 'give a drained server requests again').action((id: string, options: OperatorOptions) =>
    patch(id, { draining: false }, described, options),
  );

  named('weight', 'change the share of the requests that a server gets')
    .argument('<n>', '0 to 65535; 0: none', readWeight)
    .action((id: string, weight: number, options: OperatorOptions) => patch(id, { weight }, described, options));

  async function patch(id: string, body: object, see: Change['see'], options: OperatorOptions, remedy = ''): Promise<void> {
    const operator = await operatorOf(options, terminal);
    const once = { wait: false, timeout: 0 };
    await change(operator, { id, method: 'PATCH', path: apiPath`/v1/servers/${id}`, body, see, remedy }, { ...once, ...options });
  }
}

async function change(operator: Operator, { id, method, path, body, see, remedy = '' }: Change, options: WaitOptions): Promise<void> {
  const { client, show } = operator;
  let server = await client.send<ServerAnswer>(method, path, body && jsonBody(body));
  let { line } = await see(server, client);
  const look = async () => {
    server = await client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
    const progress = await see(server, client);
    line = progress.line;
    // The last word is the answer: it stands on standard output.
    return { steps: progress.missing === undefined ? [] : [{ name: id, line }], missing: progress.missing };
  };
  if (options.wait) await waitUntil(operator, look, { timeoutMs: options.timeout, remedy });
  show(server, [line]);
}

function waiting(command: Command): Command {
  return command
    .option('--wait', 'until it is done (default)', true)
    .option('--no-wait', 'do not wait until it is done')
    .addOption(timeoutOption());
}

/** How many projects a server has to load there. */
async function projectsIn(client: ControlClient, environment: string): Promise<number> {
  return (await client.get<DeploymentsAnswer>(apiPath`/v1/environments/${environment}/deployments`)).deployments.length;
}

/** What it may be given of the requests, beside the other servers there. */
async function tellShare({ client, note }: Operator, id: string, environment: string): Promise<void> {
  const servers = await client.get<ServerAnswer[]>(`/v1/servers?environment=${encodeURIComponent(environment)}`);
  const serving = servers.filter(({ state, health }) => state === 'ready' && health === 'up');
  const weight = serving.find((server) => server.id === id)?.weight;
  if (weight === undefined) return;
  const total = serving.reduce((sum, server) => sum + server.weight, 0);
  const share = total === 0 ? 0 : Math.round((100 * weight) / total);
  note({
    text: `its share: ${share} % of the weight of ${serving.length === 1 ? '1 server' : `${serving.length} servers`}`,
    tone: 'faint',
  });
}
