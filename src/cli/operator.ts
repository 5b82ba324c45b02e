import type { Command } from 'commander';
import { ControlClient, defaultControl, tokenFile } from './control-client.ts';
import { formatTable } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

/** Options of every command that talks to a balancer. */
export interface OperatorOptions {
  readonly control?: string;
  readonly token?: string;
  readonly json?: true;
}

/** What an operator's command works with. */
export interface Operator {
  readonly client: ControlClient;
  /** Prints an answer: as JSON with `--json`, else the lines. */
  show(answer: unknown, lines: readonly string[]): void;
  table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string[];
  /** Says how things stand, on standard error, so that standard output stays the answer's. */
  note(line: string): void;
}

/** Adds the options that all of these commands take. */
export function operatorCommand(command: Command): Command {
  return command
    .option('--control <url>', `the balancer's admin address (SLUICE_CONTROL, else ${defaultControl})`)
    .option('--token <token>', `the admin token (SLUICE_ADMIN_TOKEN, else the one in ${tokenFile})`)
    .option('--json', "print the API's answer as JSON");
}

/** Makes the {@link Operator} of one run. */
export async function operatorOf(options: OperatorOptions, terminal: Terminal): Promise<Operator> {
  return {
    client: await ControlClient.connect(options, terminal.env),
    show(answer, lines) {
      if (options.json) terminal.out(JSON.stringify(answer, null, 2));
      else for (const line of lines) terminal.out(printable(line));
    },
    table: (headings, rows) => formatTable(headings, rows, terminal.columns),
    note: (line) => terminal.err(printable(line)),
  };
}

/** A path of the API with its names filled in, each escaped. */
export function apiPath(parts: TemplateStringsArray, ...names: (string | number)[]): string {
  return parts.reduce((path, part, index) => path + encodeURIComponent(names[index - 1] ?? '') + part);
}
