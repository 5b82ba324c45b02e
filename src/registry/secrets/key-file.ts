import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeSecretFile } from '../../config/secret-file.ts';
import { SluiceError } from '../../model/fault.ts';
import { replaceFile } from '../replace-file.ts';

/** The file `secret.key` of a data folder: keys for the registry's secrets, separated by white space, the newest first (mode 0600). */
export class KeyFile {
  readonly path: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'secret.key');
  }

  /** Reads the text; undefined if there is no file. Throws `invalid` if it cannot be read. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (reasonOf(error) === 'ENOENT') return undefined;
      throw new SluiceError('invalid', `cannot read the key in ${this.path} (${reasonOf(error)}): make it readable for this user`, {
        cause: error,
      });
    }
  }

  /** Makes the file with a new key. Throws `unavailable` if that is not possible. */
  async make(): Promise<string> {
    await this.#writing(() => makeSecretFile(this.path));
    return (await this.read()) as string;
  }

  /** Puts a new key before the present ones. */
  async prepend(): Promise<void> {
    const present = (await this.read()) ?? '';
    await this.#replace(`${randomBytes(32).toString('base64url')}\n${present}`);
  }

  /** Drops all keys but the first. */
  async keepFirst(): Promise<void> {
    const [first = ''] = ((await this.read()) ?? '').split(/\s+/).filter((key) => key !== '');
    await this.#replace(`${first}\n`);
  }

  /** Replaces the file as a whole, so that a kill leaves either the former keys or the new ones. */
  #replace(text: string): Promise<void> {
    return this.#writing(() => replaceFile(this.path, (file) => file.writeFile(text)));
  }

  async #writing(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const remedy = `make ${dirname(this.path)} writable, or give a key as SLUICE_SECRET_KEY`;
      throw new SluiceError('unavailable', `cannot write a new key to ${this.path} (${reasonOf(error)}): ${remedy}`, { cause: error });
    }
  }
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
