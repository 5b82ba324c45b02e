import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSecretFile } from '../../config/secret-file.ts';
import { SluiceError } from '../../model/fault.ts';
import { SecretKeys } from './secret-keys.ts';

const variable = 'SLUICE_SECRET_KEY';
const leastLength = 32;

/**
 * Loads the keys for the registry's secrets from `SLUICE_SECRET_KEY`, else from the file `secret.key` in `dataDir`; several are separated by
 * white space, the newest first. Without either, makes a key and keeps it in that file (mode 0600). Throws `invalid`, with the remedy, for a
 * key that is unreadable, empty or too short, and `unavailable` if no key can be made.
 */
export async function loadSecretKeys(dataDir: string, env: Readonly<Record<string, string | undefined>>): Promise<SecretKeys> {
  const given = env[variable];
  if (given !== undefined && given.trim() !== '') return keysIn(given, variable);
  const file = join(dataDir, 'secret.key');
  const kept = (await read(file)) ?? (await make(dataDir, file));
  return keysIn(kept, file);
}

function keysIn(text: string, origin: string): SecretKeys {
  const [first, ...others] = text.split(/\s+/).filter((key) => key !== '');
  if (first === undefined)
    throw new SluiceError(
      'invalid',
      `${origin} is empty: restore the key that the registry's secrets were sealed with; if there are none yet, remove it, so that a key is made`,
    );
  if ([first, ...others].some((key) => key.length < leastLength))
    throw new SluiceError(
      'invalid',
      `the key in ${origin} is shorter than ${leastLength} characters: make one with "openssl rand -base64 32"`,
    );
  return new SecretKeys([first, ...others], origin);
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return undefined;
    throw new SluiceError('invalid', `cannot read the key in ${file} (${reasonOf(error)}): make it readable for this user`, {
      cause: error,
    });
  }
}

async function make(dataDir: string, file: string): Promise<string> {
  try {
    await makeSecretFile(file);
  } catch (error) {
    throw new SluiceError(
      'unavailable',
      `cannot write a new key to ${file} (${reasonOf(error)}): make ${dataDir} writable, or give a key as ${variable}`,
      { cause: error },
    );
  }
  return (await read(file)) as string;
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
