import type { Command } from 'commander';
import type { CachePurge } from '../../model/news.ts';
import { readCachePath, readCacheTag } from '../argument-readers.ts';
import { environmentOption, projectOption } from '../name-arguments.ts';
import { apiPath, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';

type PurgeOptions = OperatorOptions & CachePurge & { readonly environment: string };

/** `sluice cache purge` */
export function cacheCommands(program: Command, terminal: Terminal): void {
  const cache = program.command('cache').description('manage responses stored by the policy cache');

  operatorCommand(
    cache
      .command('purge')
      .description('remove stored responses from every gateway server of an environment: all, or those that every given option names'),
  )
    .addOption(environmentOption('the environment').makeOptionMandatory())
    .addOption(projectOption('only responses of this project'))
    .option('--tag <tag>', "only responses with this member in the target's Cache-Tag", readCacheTag)
    .option('--path <path>', 'only responses for this path, with any query; /articles/* for all below /articles/', readCachePath)
    .addHelpText('after', "\nExample:\n  sluice cache purge --environment production --project shop --path '/shop/articles/*'")
    .action(async ({ environment, project, tag, path, ...options }: PurgeOptions) => {
      const { client, show } = await operatorOf(options, terminal);
      const asked = { ...(project !== undefined && { project }), ...(tag !== undefined && { tag }), ...(path !== undefined && { path }) };
      const query = String(new URLSearchParams(asked));
      await client.send('DELETE', `${apiPath`/v1/environments/${environment}/cache`}${query === '' ? '' : `?${query}`}`);
      const which = [
        project === undefined ? 'all stored responses' : `stored responses of ${project}`,
        ...(tag === undefined ? [] : [`with the tag ${tag}`]),
        ...(path === undefined ? [] : [`for ${path}`]),
      ].join(' ');
      show({ purged: { environment, ...asked } }, [`${which} are removed from the gateway servers of ${environment}`]);
    });
}
