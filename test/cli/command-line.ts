import { runCommand } from '../../src/cli/run.ts';
import { type ControlUnderTest, tokens } from '../control/control-under-test.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** Roles that were started, with their options. */
  readonly roles: readonly [role: string, options: unknown][];
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  /** Where it is to write; otherwise to one of its own. */
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

/** Runs operators' commands against a control, with its admin token. */
export function operating({ control }: ControlUnderTest) {
  return (...argv: string[]) => run(argv, { env: operatorEnv(control) });
}

/** What tells a command where a control is, and its token. */
export function operatorEnv(control: { readonly url: string }) {
  return { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: tokens.admin };
}
