import { readFile } from 'node:fs/promises';
import { withNamedFiles } from '../config/named-files.ts';
import { maxSourceBytes } from '../config/source.ts';
import { type Fault, SluiceError } from '../model/fault.ts';
import { type ControlClient, Refused } from './client/control-client.ts';
import { CommandFailure } from './command-failure.ts';
import { printable } from './terminal/text.ts';

/** The admin API's limit for a request body. A larger one is refused here, because the API would break off the upload midway. */
const maxBodyBytes = 4 * 1024 * 1024;

/** The bytes of a file named on the command line; `-` is standard input. A file larger than `maxBytes` is refused. */
export async function readInput(file: string, maxBytes = maxSourceBytes): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const content = file === '-' ? await standardInput(maxBytes) : await readFile(file);
    if (content.length > maxBytes) throw new CommandFailure(`${file} has ${content.length} bytes; at most ${maxBytes} are read`);
    return content;
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code;
    throw new CommandFailure(`cannot read ${file}: ${reason}`);
  }
}

/** Not by the name /dev/stdin, which cannot be opened if standard input is a socket, as it is for a child process of Node.js. */
async function standardInput(maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > maxBytes) break;
  }
  return Uint8Array.from(Buffer.concat(parts));
}

/** Sends a file, with the PEM files that it names, but not parsed: the API reads both YAML and JSON, and its faults carry line numbers. */
export async function sendFile<Answer>(
  client: ControlClient,
  method: string,
  path: string,
  file: string,
  condition?: Readonly<Record<string, string>>,
): Promise<Answer> {
  const given = await readInput(file);
  const content = checkFile(file, () => withNamedFiles(given, file));
  if (content.length > maxBodyBytes) throw new CommandFailure(`${file} has ${content.length} bytes; at most ${maxBodyBytes} can be sent`);
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
    if (error instanceof SluiceError) throw new CommandFailure(printable(error.message));
    throw error;
  }
}

/** A failure that lists the faults of a file, one per line, in the format of compilers. */
function rejection(file: string, faults: readonly Fault[]): CommandFailure {
  const lines = faults.map(({ path, line, message }) =>
    printable([line === undefined ? file : `${file}:${line}`, ...(path === '' ? [] : [path]), message].join(': ')),
  );
  return new CommandFailure(`${file} was refused: ${faults.length === 1 ? '1 fault' : `${faults.length} faults`}`, lines);
}
