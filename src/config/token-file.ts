import { readFile } from 'node:fs/promises';
import { SluiceError } from '../model/fault.ts';
import { token } from './token.ts';

/** Reads the token in `file`; `undefined` if the file does not exist. */
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

/** Returns `text` if it is a valid token. Throws `invalid`, with its `origin`, if it is empty, too short, or not allowed in a header field. */
export function checkToken(text: string, origin: string): string {
  if (text === '')
    throw new SluiceError('invalid', `the token in ${origin} is empty: write a token there, or remove it so that one is created`);
  const { error } = token.safeParse(text);
  if (error) throw new SluiceError('invalid', `the token in ${origin} ${error.issues[0]?.message}`);
  return text;
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
