import type { Command } from 'commander';
import type { ServerAnswer } from '../control/answers.ts';
import { readName, readWeight } from './arguments.ts';
import { jsonBody } from './control-client.ts';
import { Failure } from './failure.ts';
import { apiPath, type OperatorOptions, operatorCommand, operatorOf } from './operator.ts';
import type { Terminal } from './terminal.ts';
import { type Standing, timeoutOption, waitUntil } from './waiting.ts';

interface WaitOptions extends OperatorOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

/** `sluice server …` */
export function serverCommands(program: Command, terminal: Terminal): void {
  const server = program.command('server').description('gateway servers: where they are, how they are');
  const named = (name: string, description: string) =>
    operatorCommand(server.command(name).description(description).argument('<id>', "the server's id", readName));

  operatorCommand(server.command('list').description('all servers, or those of one environment'))
    .option('-e, --environment <name>', 'only these', readName)
    .action(async (options: OperatorOptions & { environment?: string }) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const query = options.environment === undefined ? '' : `?environment=${encodeURIComponent(options.environment)}`;
      const servers = await client.get<ServerAnswer[]>(`/v1/servers${query}`);
      show(servers, servers.length === 0 ? ['no servers'] : table(serverHeadings, servers.map(serverRow)));
    });

  waiting(named('add', 'move a server into an environment; one of another environment is drained there first'))
    .requiredOption('-e, --environment <name>', 'where it is to go', readName)
    .addHelpText('after', '\nExample:\n  sluice server add gateway-3 --environment production')
    .action((id: string, options: WaitOptions & { environment: string }) =>
      change('PUT', apiPath`/v1/environments/${options.environment}/servers/${id}`, id, options, (one) => joined(one, options.environment)),
    );

  waiting(named('remove', 'take a server out of its environment, drained first')).action(async (id: string, options: WaitOptions) => {
    const { client } = await operatorOf(options, terminal);
    const { environment } = await client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
    if (environment === null) throw new Failure(`server ${id} is in no environment`);
    await change('DELETE', apiPath`/v1/environments/${environment}/servers/${id}`, id, options, removed);
  });

  waiting(named('drain', 'give a server no new requests; what is in flight finishes')).action((id: string, options: WaitOptions) =>
    change('PATCH', apiPath`/v1/servers/${id}`, id, options, drained, { draining: true }),
  );

  named('resume', 'give a drained server requests again').action((id: string, options: OperatorOptions) =>
    change('PATCH', apiPath`/v1/servers/${id}`, id, { ...options, wait: false, timeout: 0 }, described, { draining: false }),
  );

  named('weight', 'change the share of the requests that a server gets')
    .argument('<n>', '0 to 65535; 0: none', readWeight)
    .action((id: string, weight: number, options: OperatorOptions) =>
      change('PATCH', apiPath`/v1/servers/${id}`, id, { ...options, wait: false, timeout: 0 }, described, { weight }),
    );

  async function change(
    method: string,
    path: string,
    id: string,
    options: WaitOptions,
    stand: (server: ServerAnswer) => Standing,
    body?: object,
  ): Promise<void> {
    const { client, show, note } = await operatorOf(options, terminal);
    let server = await client.send<ServerAnswer>(method, path, body && jsonBody(body));
    if (options.wait) {
      const look = async () => {
        server = await client.get<ServerAnswer>(apiPath`/v1/servers/${id}`);
        return stand(server);
      };
      await waitUntil(look, options.timeout, note);
    }
    show(server, [stand(server).line]);
  }
}

function waiting(command: Command): Command {
  return command.option('--no-wait', 'do not wait until it is done').addOption(timeoutOption());
}

export const serverHeadings = ['SERVER', 'ENVIRONMENT', 'STATE', 'HEALTH', 'RUNNING', 'ADDRESS', 'WEIGHT', 'ACTIVE', 'REQUESTS'];

/** One line of a table of servers. */
export function serverRow(server: ServerAnswer): (string | number)[] {
  const { id, environment, movingTo, state, health, running, address, weight, active, requests } = server;
  const place = `${environment ?? '-'}${movingTo === undefined ? '' : ` → ${movingTo ?? 'available'}`}`;
  return [id, place, state, health, running ? `v${running.version}` : '-', address, weight, active, requests];
}

function joined(server: ServerAnswer, environment: string): Standing {
  const { id, state, health, reason, movingTo, active } = server;
  if (server.environment !== environment) {
    return { done: false, line: `${id} is draining in ${server.environment ?? 'no environment'}, ${active} in flight` };
  }
  if (state === 'lost') return { done: true, line: `${id} is in ${environment}, but lost: it takes part when it is back` };
  if (state === 'draining' && movingTo === undefined) {
    return { done: true, line: `${id} is in ${environment}, but drained: "sluice server resume ${id}" lets it take requests` };
  }
  if (state === 'ready' && health === 'up') return { done: true, line: `${id} is ready in ${environment}` };
  return { done: false, line: `${id} is ${state} in ${environment}, health ${health}${reason === undefined ? '' : ` (${reason})`}` };
}

function removed({ id, environment, active }: ServerAnswer): Standing {
  if (environment === null) return { done: true, line: `${id} is available` };
  return { done: false, line: `${id} is draining in ${environment}, ${active} in flight` };
}

function drained({ id, state, active }: ServerAnswer): Standing {
  if (state === 'lost') return { done: true, line: `${id} is lost` };
  return active === 0 ? { done: true, line: `${id} is drained` } : { done: false, line: `${id} is draining, ${active} in flight` };
}

function described({ id, state, weight }: ServerAnswer): Standing {
  return { done: true, line: `${id} is ${state}, weight ${weight}` };
}
