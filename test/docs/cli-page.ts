import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { TerminalUnderTest } from '../cli/terminal-under-test.ts';
import { textOf } from '../tools/source-files.ts';

/** The line of docs/cli.md below which the program's own help follows. */
const mark = '<!-- Below: made by `node --import=tsx test/docs/write-cli-page.ts` from the commands themselves. -->\n';

/** Options of every command that talks to a balancer, described once at the top of the page. */
const common = new Set(['--control', '--token', '--json']);

/** Generates docs/cli.md: the hand-written part, then every command with its arguments and options. */
export function cliPage(): string {
  const written = textOf('docs/cli.md').split(mark)[0] ?? '';
  return `${written}${mark}\n${leaves(program()).map(section).join('\n')}`;
}

/** Builds the whole command line, which is never run. */
export function program(): Command {
  const none = async () => undefined;
  return buildProgram({ serve: none, gateway: none, up: none }, 'test', new TerminalUnderTest());
}

/** Lists the commands without subcommands, in the order of the help. */
function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function section(command: Command): string {
  const operates = command.options.some(({ long }) => long === '--json');
  const rows = [
    ...command.registeredArguments.map((argument) =>
      row(argument.required ? `<${argument.name()}>` : `[${argument.name()}]`, argument.description),
    ),
    ...command.options.filter(({ long }) => !(operates && common.has(long ?? ''))).map((option) => row(option.flags, meaning(option))),
  ];
  const table = rows.length === 0 ? '' : `\n| | |\n| --- | --- |\n${rows.join('\n')}\n`;
  return `## ${nameOf(command)}\n\n${sentence(command.description())}\n${table}`;
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function meaning(option: Command['options'][number]): string {
  const { description, defaultValue, defaultValueDescription, argChoices, mandatory, envVar, long, negate } = option;
  const extras = [
    ...(mandatory ? ['required'] : []),
    ...(argChoices ? [argChoices.join(', ')] : []),
    ...(defaultValue === undefined || negate || long === '--wait' ? [] : [`default ${defaultValueDescription ?? String(defaultValue)}`]),
    ...(envVar ? [`variable ${envVar}`] : []),
  ];
  return extras.length === 0 ? description : `${description} (${extras.join('; ')})`;
}

function row(what: string, about: string): string {
  return `| \`${what}\` | ${about.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
