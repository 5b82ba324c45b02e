import { SluiceError } from '../../model/fault.ts';
import { KeyFile } from './key-file.ts';
import { SecretKeys } from './secret-keys.ts';

const variable = 'SLUICE_SECRET_KEY';
const leastLength = 32;

/**
 * Loads the keys for the registry's secrets from `SLUICE_SECRET_KEY`, else from the file `secret.key` in `dataDir`; several are separated by
 * white space, the newest first. Without either, makes a key and keeps it in that file (mode 0600). Throws `invalid`, with the remedy, for a
 * key that is unreadable, empty or too short, and `unavailable` if no key can be made.
 */
export function loadSecretKeys(dataDir: string, env: Readonly<Record<string, string | undefined>>): Promise<SecretKeys> {
  return keysFrom(new KeyFile(dataDir), env);
}

/** Like {@link loadSecretKeys}. */
export async function keysFrom(file: KeyFile, env: Readonly<Record<string, string | undefined>>): Promise<SecretKeys> {
  const given = env[variable];
  if (given !== undefined && given.trim() !== '') return keysIn(given, variable);
  return keysIn((await file.read()) ?? (await file.make()), file.path);
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
