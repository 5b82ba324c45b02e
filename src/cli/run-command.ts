import { CommanderError } from 'commander';
import { SluiceError } from '../model/fault.ts';
import { CommandFailure } from './command-failure.ts';
import { type Roles, roleProgram } from './role-program.ts';
import { processTerminal } from './terminal/process-terminal.ts';
import type { Terminal } from './terminal/terminal.ts';
import { printable, render } from './terminal/text.ts';

/** Runs one command line (without node and script) and resolves with the exit status: 0 done, 1 failed, 2 wrong usage. */
export async function runCommand(
  argv: readonly string[],
  roles: Roles,
  version: string,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  try {
    if (await playsRole(argv, roles, version, terminal)) return 0;
    // Loaded only for commands that are no roles, and for help and wrong usage, which concern all of them: a role runs long, and needs none.
    const { buildProgram } = await import('./program.ts');
    await buildProgram(roles, version, terminal).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its message already. It also throws after --help and --version, with exit code 0; the rest is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CommandFailure) for (const line of error.details) terminal.err(printable(line));
    terminal.err(render([{ text: 'error:', tone: 'bad' }, ` ${messageOf(error)}`], terminal.colours.err));
    return 1;
  }
}

/** Runs the command if it is a role and its arguments are right. */
async function playsRole(argv: readonly string[], roles: Roles, version: string, terminal: Terminal): Promise<boolean> {
  if (!Object.hasOwn(roles, argv[0] ?? '')) return false;
  const mute = { plain: () => terminal.plain(), out: () => {}, err: () => {}, columns: undefined };
  try {
    await roleProgram(roles, version, mute).parseAsync(argv, { from: 'user' });
    return true;
  } catch (error) {
    if (error instanceof CommanderError) return false;
    throw error;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof SluiceError) return error.message;
  return `internal error: ${error instanceof Error ? error.message : String(error)}`;
}
