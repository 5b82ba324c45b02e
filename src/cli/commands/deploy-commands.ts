import type { Command } from 'commander';
import type { DeploymentsAnswer } from '../../api/answers.ts';
import type { readProject } from '../argument-readers.ts';
import { jsonBody } from '../client/control-client.ts';
import { CommandFailure } from '../command-failure.ts';
import { environmentOption, projectArgument, revisionArgument } from '../name-arguments.ts';
import { apiPath, type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { timeoutOption, waitUntil } from '../wait-until.ts';
import { observeDeployment, observeUndeployment } from './deployment-observation.ts';

interface DeployOptions extends OperatorOptions {
  readonly environment: string;
  readonly wait?: true;
  readonly timeout: number;
}

const remedy = 'see "sluice status"; take out a server that hangs with "sluice server remove ID"';

/** `sluice deploy`, `undeploy` and `rollback`. */
export function deployCommands(program: Command, terminal: Terminal): void {
  const waiting = (command: Command, wait: string) =>
    operatorCommand(command)
      .addOption(environmentOption('the environment').makeOptionMandatory())
      .option('--wait', wait)
      .addOption(timeoutOption());
  const waitForAll =
    'wait until every server has acknowledged or rejected the revision; exit status 1 if a server rejected it, or if no server runs it';

  waiting(
    program
      .command('deploy')
      .description('deploy a project to an environment, by default its newest revision')
      .addArgument(revisionArgument('project')),
    waitForAll,
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
    program.command('rollback').description('deploy the previously deployed revision again').addArgument(projectArgument()),
    waitForAll,
  ).action(async (name: string, options: DeployOptions) => {
    const operator = await operatorOf(options, terminal);
    const path = apiPath`/v1/environments/${options.environment}/deployments/${name}/rollback`;
    await finish(operator, await operator.client.send<DeploymentsAnswer>('POST', path), name, options);
  });

  waiting(
    program.command('undeploy').description('take a project out of an environment').addArgument(projectArgument()),
    'wait until no server serves the project any more',
  ).action(async (name: string, options: DeployOptions) => {
    const operator = await operatorOf(options, terminal);
    const path = apiPath`/v1/environments/${options.environment}/deployments/${name}`;
    let answer = await operator.client.send<DeploymentsAnswer>('DELETE', path);
    const { version } = answer;
    if (options.wait) {
      const observe = async () => {
        answer = await readDeployments(operator, options, name);
        return observeUndeployment(answer, version);
      };
      await waitUntil(operator, observe, { timeoutMs: options.timeout, remedy });
    }
    operator.show(answer, [`${name} undeployed from ${options.environment}, now at version ${version}`]);
  });
}

async function finish(operator: Operator, deployed: DeploymentsAnswer, project: string, options: DeployOptions): Promise<void> {
  const { show, note } = operator;
  const revision = deployed.deployments.find((one) => one.project === project)?.revision ?? 0;
  const what = `${project}@${revision} deployed to ${options.environment}, now at version ${deployed.version}`;
  if (!options.wait) return show(deployed, [what]);
  if (!options.json) note(what);
  const observe = async () => observeDeployment(await readDeployments(operator, options, project), project, revision);
  const { answer, servers } = await waitUntil(operator, observe, { timeoutMs: options.timeout, remedy });
  if (options.json) show(answer, []);
  const rejections = servers
    .filter((server) => server.state === 'rejected')
    .map(({ id, error }) => `${id} rejected ${project}@${revision}: ${error ?? 'the server gave no reason'}`);
  if (rejections.length > 0)
    throw new CommandFailure(`${project}@${revision} was rejected by ${rejections.length} of ${servers.length} servers`, rejections);
  if (servers.every(({ state }) => state === 'lost')) {
    const none = servers.length === 0 ? `${options.environment} has no servers that take projects` : `every server of it is lost`;
    throw new CommandFailure(`${what}, but nothing runs it: ${none}; servers that join get it`);
  }
  if (options.json) return;
  const active = servers.filter((server) => server.state === 'active').length;
  const others = servers.filter((server) => server.state !== 'active').map((server) => `${server.id} ${server.state}`);
  show(answer, [
    `${project}@${revision} is active on ${active} of ${servers.length} servers${others.length > 0 ? ` (${others.join(', ')})` : ''}`,
  ]);
}

async function readDeployments({ client }: Operator, { environment }: DeployOptions, project: string): Promise<DeploymentsAnswer> {
  return client.get<DeploymentsAnswer>(apiPath`/v1/environments/${environment}/deployments?project=${project}`);
}
