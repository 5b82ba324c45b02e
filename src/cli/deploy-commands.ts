import type { Command } from 'commander';
import type { DeploymentsAnswer } from '../control/answers.ts';
import { readName, readProject } from './arguments.ts';
import { type ControlClient, jsonBody } from './control-client.ts';
import { Failure } from './failure.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from './operator.ts';
import type { Terminal } from './terminal.ts';
import { timeoutOption, waitUntil } from './waiting.ts';

interface DeployOptions extends OperatorOptions {
  readonly environment: string;
  readonly wait?: true;
  readonly timeout: number;
}

/** `sluice deploy`, `undeploy` and `rollback`. */
export function deployCommands(program: Command, terminal: Terminal): void {
  const inEnvironment = (command: Command) =>
    operatorCommand(command).requiredOption('-e, --environment <name>', 'the environment', readName);
  const waiting = (command: Command) =>
    inEnvironment(command)
      .option('--wait', 'until every server has acknowledged or rejected it; exit 1 if one rejected it')
      .addOption(timeoutOption());

  waiting(
    program
      .command('deploy')
      .description('deploy a project to an environment, by default its newest revision')
      .argument('<project[@revision]>', 'for example petstore@3', readProject),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  sluice deploy petstore --environment production --wait\n  sluice deploy petstore@3 --environment staging',
    )
    .action(async ({ name, revision }: ReturnType<typeof readProject>, options: DeployOptions) => {
      const operator = await operatorOf(options, terminal);
      const path = apiPath`/v1/environments/${options.environment}/deployments/${name}`;
      const deployed = await operator.client.send<DeploymentsAnswer>('PUT', path, jsonBody({ revision }));
      await finish(operator, deployed, name, options);
    });

  waiting(
    program.command('rollback').description('deploy what was deployed there before').argument('<project>', 'its name', readName),
  ).action(async (name: string, options: DeployOptions) => {
    const operator = await operatorOf(options, terminal);
    const path = apiPath`/v1/environments/${options.environment}/deployments/${name}/rollback`;
    await finish(operator, await operator.client.send<DeploymentsAnswer>('POST', path), name, options);
  });

  inEnvironment(
    program.command('undeploy').description('take a project out of an environment').argument('<project>', 'its name', readName),
  ).action(async (name: string, options: DeployOptions) => {
    const { client, show } = await operatorOf(options, terminal);
    const answer = await client.send<DeploymentsAnswer>('DELETE', apiPath`/v1/environments/${options.environment}/deployments/${name}`);
    show(answer, [`${name} undeployed from ${options.environment}, now at version ${answer.version}`]);
  });
}

async function finish(
  { client, show, note }: Operator,
  deployed: DeploymentsAnswer,
  project: string,
  options: DeployOptions,
): Promise<void> {
  const revision = deployed.deployments.find((one) => one.project === project)?.revision;
  const what = `${project}@${revision} deployed to ${options.environment}, now at version ${deployed.version}`;
  if (!options.wait) return show(deployed, [what]);
  note(what);
  const { answer } = await waitUntil(() => progress(client, options.environment, deployed, project), options.timeout, note);
  const servers = answer.deployments.find((one) => one.project === project)?.servers ?? [];
  const rejections = servers
    .filter((server) => server.state === 'rejected')
    .map(({ id, error }) => `${id} rejected ${project}@${revision}: ${error ?? 'it says no reason'}`);
  if (options.json) show(answer, []);
  if (rejections.length > 0)
    throw new Failure(`${project}@${revision} was rejected by ${rejections.length} of ${servers.length} servers`, rejections);
  if (options.json) return;
  const active = servers.filter((server) => server.state === 'active').length;
  const silent = servers.filter((server) => server.state !== 'active').map((server) => `${server.id} ${server.state}`);
  show(answer, [
    `${project}@${revision} is active on ${active} of ${servers.length} servers${silent.length > 0 ? ` (${silent.join(', ')})` : ''}`,
  ]);
}

/** How far the servers are. Somebody's later deployment of another revision ends the wait: this one will not come any more. */
async function progress(client: ControlClient, environment: string, deployed: DeploymentsAnswer, project: string) {
  const answer = await client.get<DeploymentsAnswer>(apiPath`/v1/environments/${environment}/deployments`);
  const wanted = deployed.deployments.find((one) => one.project === project)?.revision;
  const now = answer.deployments.find((one) => one.project === project);
  if (now?.revision !== wanted)
    throw new Failure(
      `${project}@${wanted} was replaced in ${environment} by ${now ? `revision ${now.revision}` : 'an undeploy'} in the meantime`,
    );
  const servers = now?.servers ?? [];
  const pending = servers.filter((server) => server.state === 'pending').map((server) => server.id);
  return {
    answer,
    done: pending.length === 0,
    line: `${servers.length - pending.length} of ${servers.length} servers done, waiting for ${pending.join(', ')}`,
  };
}
