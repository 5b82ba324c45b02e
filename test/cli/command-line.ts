import { runCommand } from '../../src/cli/run-command.ts';
import { type ControlUnderTest, tokens } from '../control/control-under-test.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** The roles started, with their options. */
  readonly roles: readonly [role: string, options: unknown][];
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  /** Default: a new one, made from `env` and `columns`. */
  readonly terminal?: TerminalUnderTest;
}

/** Runs one command line in this process. */
export async function run(argv: readonly string[], { env = {}, columns, terminal }: Surroundings = {}): Promise<Ran> {
  const roles: [string, unknown][] = [];
  const start = (role: string) => async (given: unknown) => void roles.push([role, given]);
  const used = terminal ?? new TerminalUnderTest({ env, columns });
  const status = await runCommand(argv, { serve: start('serve'), gateway: start('gateway'), up: start('up') }, '1.2.3', used);
  return { status, out: used.lines.out.join('\n'), err: used.lines.err.join('\n'), roles };
}

/** Returns a function that runs operators' commands against a control server with its admin token. */
export function operating({ control }: ControlUnderTest) {
  return (...argv: string[]) => run(argv, { env: operatorEnv(control) });
}

/** Environment variables that give a command the URL and admin token of a control server. */
export function operatorEnv(control: { readonly url: string }) {
  return { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: tokens.admin };
}
