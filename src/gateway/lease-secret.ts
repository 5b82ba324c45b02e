import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { leaseSecret } from '../model/join.ts';

/**
 * Loads the secret by which this server proves after a restart that it held its id before, from the file `lease.secret` in its data folder
 * (mode 0600), or makes one and stores it there. A fault of the file or folder is logged; then the secret is new, and a server that restarts
 * without having left waits until its former lease has ended.
 */
export async function loadLeaseSecret(dataDir: string, logger: Logger): Promise<string> {
  const file = join(dataDir, 'lease.secret');
  const fresh = randomBytes(32).toString('base64url');
  try {
    const kept = (await readFile(file, 'utf8')).trim();
    if (leaseSecret.safeParse(kept).success) return kept;
    logger.warn(
      { file },
      'the file with the secret of this server is damaged and is replaced: a restart may have to wait for the end of a lease',
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ file, err: error }, 'the file with the secret of this server cannot be read: make it readable for this user');
  }
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeFile(file, `${fresh}\n`, { mode: 0o600 });
  } catch (error) {
    logger.warn(
      { file, err: error },
      'the secret of this server cannot be stored: after a crash it has to wait until its lease has ended; make the data folder writable',
    );
  }
  return fresh;
}
