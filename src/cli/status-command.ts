import type { Command } from 'commander';
import type { EnvironmentAnswer, ServerAnswer } from '../control/answers.ts';
import { environmentHeadings, environmentRow } from './environment-commands.ts';
import { type OperatorOptions, operatorCommand, operatorOf } from './operator.ts';
import { serverHeadings, serverRow } from './server-commands.ts';
import type { Terminal } from './terminal.ts';

/** `sluice status` */
export function statusCommand(program: Command, terminal: Terminal): void {
  operatorCommand(program.command('status').description('environments, servers, running versions, health, traffic')).action(
    async (options: OperatorOptions) => {
      const { client, show, table } = await operatorOf(options, terminal);
      const [environments, servers] = await Promise.all([
        client.get<EnvironmentAnswer[]>('/v1/environments'),
        client.get<ServerAnswer[]>('/v1/servers'),
      ]);
      const troubles = servers.flatMap(({ id, reason, projects }) => [
        ...(reason === undefined ? [] : [`${id}: ${reason}`]),
        ...projects
          .filter((project) => project.state === 'rejected')
          .map(({ name, error }) => `${id}: rejected ${name}: ${error ?? 'it says no reason'}`),
      ]);
      show({ environments, servers }, [
        ...(environments.length === 0 ? ['no environments'] : table(environmentHeadings, environments.map(environmentRow))),
        '',
        ...(servers.length === 0 ? ['no servers'] : table(serverHeadings, servers.map(serverRow))),
        ...(troubles.length === 0 ? [] : ['', ...troubles]),
      ]);
    },
  );
}
