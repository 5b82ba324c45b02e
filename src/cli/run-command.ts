import { CommanderError } from 'commander';
import { SluiceError } from '../model/fault.ts';
import { CommandFailure } from './command-failure.ts';
import { buildProgram, type Roles } from './program.ts';
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

function messageOf(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof SluiceError) return error.message;
  return `internal error: ${error instanceof Error ? error.message : String(error)}`;
}
