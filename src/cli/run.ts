import { CommanderError } from 'commander';
import { SluiceError } from '../model/fault.ts';
import { Failure } from './failure.ts';
import { buildProgram, type Roles } from './program.ts';
import { processTerminal } from './terminal/process-terminal.ts';
import type { Terminal } from './terminal/terminal.ts';
import { printable, render } from './terminal/text.ts';

/** Runs one command line (without node and script) and answers the exit status: 0 done, 1 failed, 2 wrong usage. */
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
    // Commander has said it by itself; help and version are asked for, all else is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Failure) for (const line of error.details) terminal.err(printable(line));
    terminal.err(render([{ text: 'error:', tone: 'bad' }, ` ${messageOf(error)}`], terminal.colours.err));
    return 1;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Failure || error instanceof SluiceError) return error.message;
  return `something went wrong inside: ${error instanceof Error ? error.message : String(error)}`;
}
