import { readFile } from 'node:fs/promises';
import { maxSourceBytes } from '../config/source.ts';
import { type Fault, SluiceError } from '../model/fault.ts';
import { type ControlClient, Refused } from './client/control-client.ts';
import { Failure } from './failure.ts';
import { printable } from './terminal/text.ts';

/** What the API takes at most; more would be cut off on its way. */
const mostBytes = 4 * 1024 * 1024;

/** The bytes of a file that the command line names; `-` is standard input. Larger ones are refused. */
export async function readInput(file: string, most = maxSourceBytes): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const content = await readFile(file === '-' ? '/dev/stdin' : file);
    if (content.length > most) throw new Failure(`${file} has ${content.length} bytes; at most ${most} are read`);
    return content;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new Failure(`cannot read ${file}: ${code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code}`);
  }
}

/** Sends a file as it is: the API reads YAML and JSON alike, and knows the line of every fault. */
export async function sendFile<Answer>(
  client: ControlClient,
  method: string,
  path: string,
  file: string,
  condition?: Readonly<Record<string, string>>,
): Promise<Answer> {
  const content = await readInput(file);
  if (content.length > mostBytes) throw new Failure(`${file} has ${content.length} bytes: at most ${mostBytes} can be sent`);
  try {
    return await client.send<Answer>(method, path, { type: 'application/yaml', content }, condition);
  } catch (error) {
    if (error instanceof Refused && error.problem.errors) throw rejection(file, error.problem.errors as Fault[]);
    throw error;
  }
}

/** Runs a check of a file; its faults, if any, become the failure. */
export function checkFile<Result>(file: string, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (error instanceof SluiceError && error.faults.length > 0) throw rejection(file, error.faults);
    if (error instanceof SluiceError) throw new Failure(printable(error.message));
    throw error;
  }
}

/** Faults of a file, one a line, as compilers print them. */
function rejection(file: string, faults: readonly Fault[]): Failure {
  const lines = faults.map(({ path, line, message }) =>
    printable([line === undefined ? file : `${file}:${line}`, ...(path === '' ? [] : [path]), message].join(': ')),
  );
  return new Failure(`${file} was refused: ${faults.length === 1 ? '1 fault' : `${faults.length} faults`}`, lines);
}
