import type { Command } from 'commander';
import { ControlClient, defaultControl, tokenFile } from './client/control-client.ts';
import { noDisplay, type StepDisplay, stepDisplay } from './terminal/step-display.ts';
import { type Cell, type Column, formatTable } from './terminal/table.ts';
import type { Terminal } from './terminal/terminal.ts';
import { type Line, render } from './terminal/text.ts';

/** Options of every command that talks to a balancer. */
export interface OperatorOptions {
  readonly control?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly json?: true;
}

/** Tools of a command that talks to a balancer. */
export interface Operator {
  readonly client: ControlClient;
  readonly terminal: Terminal;
  /** Shows the progress of the command; shows nothing with `--json`. */
  readonly progress: StepDisplay;
  /** Prints an answer: as JSON with `--json`, else the lines. */
  show(answer: unknown, lines: readonly Line[]): void;
  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Line[];
  /** Prints a remark to standard error: standard output is for the answer alone. */
  note(line: Line): void;
}

/** Adds the options that all of these commands take. */
export function operatorCommand(command: Command): Command {
  return command
    .option('--control <url>', `the balancer's admin address (default: SLUICE_CONTROL, else ${defaultControl})`)
    .option('--token <token>', `the admin token (default: SLUICE_ADMIN_TOKEN, else the one in ${tokenFile})`)
    .option(
      '--ca <file>',
      'authorities that a https:// balancer is checked against, in PEM (default: SLUICE_CA, else those that Node.js knows)',
    )
    .option('--json', "print the API's answer as JSON");
}

/** Makes the {@link Operator} of one run. */
export async function operatorOf(options: OperatorOptions, terminal: Terminal): Promise<Operator> {
  return {
    client: await ControlClient.connect(options, terminal.env),
    terminal,
    progress: options.json ? noDisplay : stepDisplay(terminal),
    show(answer, lines) {
      if (options.json) terminal.out(JSON.stringify(answer, null, 2));
      else for (const line of lines) terminal.out(render(line, terminal.colours.out));
    },
    table: (columns, rows) => tableIn(terminal.columns, columns, rows),
    note: (line) => terminal.err(render(line, terminal.colours.err)),
  };
}

/** A table, followed by a line that names the columns left out because the terminal is too narrow. */
export function tableIn(width: number | undefined, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Line[] {
  const { lines, leftOut } = formatTable(columns, rows, width);
  if (leftOut.length === 0) return [...lines];
  return [...lines, { text: `(no room for ${leftOut.join(', ')})`, tone: 'faint' }];
}

/** A path of the API with its names filled in, each escaped. */
export function apiPath(parts: TemplateStringsArray, ...names: (string | number)[]): string {
  return parts.reduce((path, part, index) => path + encodeURIComponent(names[index - 1] ?? '') + part);
}
