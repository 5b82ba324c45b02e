import { readFile } from 'node:fs/promises';
import { SluiceError } from '../model/fault.ts';

/** The secret in `file`; `undefined` if there is no such file. */
export async function readToken(file: string): Promise<string | undefined> {
  try {
    return checkToken((await readFile(file, 'utf8')).trim(), file);
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    if (reasonOf(error) === 'ENOENT') return undefined;
    throw new SluiceError(
      'invalid',
      `cannot read the token in ${file} (${reasonOf(error)}): make it readable for this user, or remove it`,
      { cause: error },
    );
  }
}

/** The `token` itself, if it can be one. Throws `invalid`, naming its `origin`, if it is empty, too short or has characters that a header cannot carry. */
export function checkToken(token: string, origin: string): string {
  if (token === '') throw new SluiceError('invalid', `the token in ${origin} is empty: write one there, or remove it so that one is made`);
  if (!/^[\x21-\x7e]{8,256}$/.test(token)) {
    throw new SluiceError('invalid', `the token in ${origin} must be 8 to 256 visible ASCII characters without spaces`);
  }
  return token;
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
