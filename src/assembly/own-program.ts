import { isSea } from 'node:sea';

/** What users write to run this program: as they did it, or as the checkout does. */
export const programName: string = isSea() ? process.argv0 : 'npx sluice';

/** How to start this very program with other words on its command line, whether it runs as a script or as a single executable. */
export function ownProgram(words: readonly string[]): { file: string; args: string[] } {
  const script = isSea() ? [] : [...process.execArgv, process.argv[1] as string];
  return { file: process.execPath, args: [...script, ...words] };
}
