import { isSea } from 'node:sea';

/** The command that users type to run this program, for hints: the executable's name, or the checkout's. */
export const programName: string = isSea() ? process.argv0 : 'npx sluice';

/** The script that this process runs, unless {@link setProgramFile} named another. */
let programFile = process.argv[1] as string;

/** Names the program's script, for a process that runs another one: it uses Sluice as a library. */
export function setProgramFile(file: string): void {
  programFile = file;
}

/**
 * The command that starts this program with other arguments, as a script or as a single executable.
 * @param more options of Node.js, which a single executable does not take
 */
export function ownProgram(words: readonly string[], more: readonly string[] = []): { file: string; args: string[] } {
  const script = isSea() ? [] : [...process.execArgv, ...more, programFile];
  return { file: process.execPath, args: [...script, ...words] };
}
