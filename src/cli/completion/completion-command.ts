import { Argument, type Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { complete } from './completion.ts';
import { completionLines, shells } from './completion-scripts.ts';

/** `sluice completion` */
export function completionCommand(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a script that lets a shell complete commands, options, and the names that the balancer knows')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addArgument(new Argument('[words...]', 'used by the script: the command line so far, after --; prints the possible next words'))
    .addHelpText(
      'after',
      `\nTo load it at each start of the shell:\n${Object.values(shells)
        .map(({ install }) => `  ${install}`)
        .join('\n')}`,
    )
    .action(async (name: string, words: string[]) => {
      const shell = shells[name];
      if (shell === undefined) return;
      if (words.length === 0) return terminal.out(shell.script.trimEnd());
      for (const line of completionLines(shell, await complete(program, words, terminal.env))) terminal.out(line);
    });
}
