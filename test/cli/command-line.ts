import { runCommand } from '../../src/cli/run.ts';
import { type ControlUnderTest, tokens } from '../control/control-under-test.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** Roles that were started, with their options. */
  readonly roles: readonly [role: string, options: unknown][];
}

/** Runs one command line in this process. */
export async function run(argv: readonly string[], options: { env?: Record<string, string>; columns?: number } = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const roles: [string, unknown][] = [];
  const start = (role: string) => async (given: unknown) => void roles.push([role, given]);
  const terminal = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    columns: options.columns,
    env: options.env ?? {},
  };
  const status = await runCommand(argv, { serve: start('serve'), gateway: start('gateway'), up: start('up') }, '1.2.3', terminal);
  return { status, out: out.join('\n'), err: err.join('\n'), roles };
}

/** Runs operators' commands against a control, with its admin token. */
export function operating({ control }: ControlUnderTest) {
  const env = { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: tokens.admin };
  return (...argv: string[]) => run(argv, { env });
}
