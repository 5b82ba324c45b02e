import { type Command, InvalidArgumentError, Option } from 'commander';
import { environmentOption } from '../name-arguments.ts';
import { apiPath, operatorCommand, operatorOf } from '../operator.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { Top, type TopOptions } from './top.ts';
import { sortings } from './top-rows.ts';

/** `sluice top` */
export function topCommand(program: Command, terminal: Terminal): void {
  operatorCommand(program.command('top').description('show live requests, errors, latency, share and health of environments and servers'))
    .addOption(environmentOption('show only this environment'))
    .addOption(new Option('-s, --sort <key>', 'sort rows by this column').choices(Object.keys(sortings)).default('name'))
    .option('-n, --count <n>', 'exit after this many tables, one per second', readTables)
    .option('--once', 'print one table and exit, like --count 1')
    .addHelpText(
      'after',
      '\nOn a terminal the table is redrawn in place: q quits, arrow keys scroll, and n, r, e, l, f sort by\nname, requests, errors, latency, requests in flight. In a file or pipe one table per second is printed;\nwith --json each table is one line.',
    )
    .action(async (options: TopOptions) => {
      const operator = await operatorOf(options, terminal);
      // A wrong address, token or name ends the command here, with the usual message, before anything is drawn.
      if (options.environment !== undefined) await operator.client.get(apiPath`/v1/environments/${options.environment}`);
      await new Top(operator, options).run();
    });
}

function readTables(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
}
