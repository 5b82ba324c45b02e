import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { name } from '../model/name.ts';

/** Makes a random id for a server that was given none. */
export function newServerId(): string {
  return `gateway-${randomBytes(4).toString('hex')}`;
}

/**
 * Loads the server's id from the file `id` in its data folder, or makes one and stores it there, so that it is the same server after a
 * restart. A fault of the file or folder is logged, and the id is new then.
 */
export async function loadServerId(dataDir: string, logger: Logger): Promise<string> {
  const file = join(dataDir, 'id');
  const fresh = newServerId();
  try {
    const kept = (await readFile(file, 'utf8')).trim();
    if (name.safeParse(kept).success) return kept;
    logger.warn({ file, id: fresh }, "the file with this server's id does not contain a valid id: the server gets a new one");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ file, id: fresh, err: error }, "the file with this server's id cannot be read: the server gets a new one");
  }
  await storeServerId(dataDir, fresh, logger);
  return fresh;
}

/** Stores the server's id where {@link loadServerId} finds it. A fault of the file or folder is logged. */
export async function storeServerId(dataDir: string, id: string, logger: Logger): Promise<void> {
  const file = join(dataDir, 'id');
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeFile(file, `${id}\n`);
  } catch (error) {
    logger.warn(
      { file, id, err: error },
      "this server's id cannot be stored: it will be a new server after a restart; give it an --id or a writable data folder",
    );
  }
}
