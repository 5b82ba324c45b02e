import type { Command } from 'commander';
import type { DeploymentsAnswer, ServerAnswer } from '../../api/answers.ts';
import { readWeight } from '../argument-readers.ts';
import { type ControlClient, jsonBody } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { environmentOption, serverArgument } from '../name-arguments.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { timeoutOption, waitUntil } from '../wait-until.ts';
import { describeServer, observeDrain, observeJoin, observeRemoval, type ServerObservation } from './server-observation.ts';
import { serverTable } from './server-table.ts';

interface WaitOptions extends OperatorOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

/** A change of one server. */
interface Change {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly observe: (server: ServerAnswer, client: ControlClient) => ServerObservation | Promise<ServerObservation>;
  /** Advice for the user if the change takes too long. */
  readonly remedy?: string;
}

/** `sluice server …` */
export function serverCommands(program: Command, terminal: Terminal): void {
  const server = program.command('server').description('manage gateway servers: their environment, weight and state');
  const named = (name: string, description: string) =>
    operatorCommand(server.command(name).description(description).addArgument(serverArgument()));

  operatorCommand(server.command('list').description('list all servers, or those of one environment'))
    .addOption(environmentOption('list only the servers of this environment'))
    .action(async (options: OperatorOptions & { environment?: string }) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const query = options.environment === undefined ? '' : `?environment=${encodeURIComponent(options.environment)}`;
      const servers = await client.get<ServerAnswer[]>(`/v1/servers${query}`);
      show(servers, servers.length === 0 ? ['no servers'] : table(...serverTable(servers)));
    });

  waiting(named('add', 'move a server into an environment; a server of another environment is drained there first'))
    .addOption(environmentOption('the environment to move it to').makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  sluice server add gateway-3 --environment production')
    .action(async (id: string, options: WaitOptions & { environment: string }) => {
      const { environment } = options;
      const observe = async (one: ServerAnswer, client: ControlClient) =>
        observeJoin(one, environment, await countProjects(client, environment));
      const remedy = 'see "sluice status" and the log of the server';
      const path = apiPath`/v1/environments/${environment}/servers/${id}`;
      const operator = await operatorOf(options, terminal);
      await change(operator, { id, method: 'PUT', path, observe, remedy }, options);
      if (options.wait && !options.json) await noteShare(operator, id, environment);
    });

  waiting(named('remove', 'drain a server, then take it out of its environment')).action(async (id: string, options: WaitOptions) => {
    const operator = await operatorOf(options, terminal);
    const { environment } = await operator.client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
    if (environment === null) throw new CommandFailure(`server ${id} is in no environment`);
    const remedy = 'it leaves when its last request has ended; allow more time with --timeout, or stop the server';
    await change(
      operator,
      { id, method: 'DELETE', path: apiPath`/v1/environments/${environment}/servers/${id}`, observe: observeRemoval, remedy },
      options,
    );
  });

  waiting(named('drain', 'send a server no new requests; requests in flight finish')).action(async (id: string, options: WaitOptions) => {
    const remedy = `it gets no new requests; allow more time with --timeout, or end the drain with "sluice server resume ${id}"`;
    await patch(id, { draining: true }, observeDrain, options, remedy);
  });

  named('resume', 'send requests to a drained server again').action((id: string, options: OperatorOptions) =>
    patch(id, { draining: false }, describeServer, options),
  );

  named('weight', 'change the share of the requests that a server gets')
    .argument('<n>', '0 to 65535; 0: no requests', readWeight)
    .action((id: string, weight: number, options: OperatorOptions) => patch(id, { weight }, describeServer, options));

  named('forget', 'remove the record of a lost server at once, with its weight and the environment assigned to it').action(
    async (id: string, options: OperatorOptions) => {
      const { client, show } = await operatorOf(options, terminal);
      await client.send('DELETE', apiPath`/v1/servers/${id}`);
      show({ forgotten: id }, [`${id} forgotten`]);
    },
  );

  async function patch(id: string, body: object, observe: Change['observe'], options: OperatorOptions, remedy = ''): Promise<void> {
    const operator = await operatorOf(options, terminal);
    const once = { wait: false, timeout: 0 };
    await change(operator, { id, method: 'PATCH', path: apiPath`/v1/servers/${id}`, body, observe, remedy }, { ...once, ...options });
  }
}

async function change(operator: Operator, { id, method, path, body, observe, remedy = '' }: Change, options: WaitOptions): Promise<void> {
  const { client, show } = operator;
  let server = await client.send<ServerAnswer>(method, path, body && jsonBody(body));
  let { line } = await observe(server, client);
  const observeAgain = async () => {
    server = await client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
    const { missing, ...seen } = await observe(server, client);
    line = seen.line;
    // Once the change is complete its line is the answer: it goes to standard output, below.
    return { steps: missing === undefined ? [] : [{ name: id, line }], missing };
  };
  if (options.wait) await waitUntil(operator, observeAgain, { timeoutMs: options.timeout, remedy });
  show(server, [line]);
}

/** Adds the options of a wait. `--no-wait` comes first, because then commander makes waiting the default. */
function waiting(command: Command): Command {
  return command
    .option('--no-wait', 'do not wait')
    .option('--wait', 'wait until the change is complete (default)')
    .addOption(timeoutOption());
}

/** Number of projects that a server has to load in an environment. */
async function countProjects(client: ControlClient, environment: string): Promise<number> {
  return (await client.get<DeploymentsAnswer>(apiPath`/v1/environments/${environment}/deployments`)).deployments.length;
}

/** Prints the share of requests that a server gets by its weight. */
async function noteShare({ client, note }: Operator, id: string, environment: string): Promise<void> {
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
