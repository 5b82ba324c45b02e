import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { name } from '../model/quantity.ts';

/** An id that nobody else has, for a server that was given none. */
export function newId(): string {
  return `gateway-${randomBytes(4).toString('hex')}`;
}

/**
 * The id of the server to whom this folder belongs: kept in its file `id` from its first start on, so that it is the same server
 * after a restart. Whatever is wrong with the file or the folder is logged, and the id is a new one then.
 */
export async function keptId(dataDir: string, logger: Logger): Promise<string> {
  const file = join(dataDir, 'id');
  const fresh = newId();
  try {
    const kept = (await readFile(file, 'utf8')).trim();
    if (name.safeParse(kept).success) return kept;
    logger.warn({ file, id: fresh }, "the file of this server's id holds no id: it gets a new one");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ file, id: fresh, err: error }, "the file of this server's id cannot be read: it gets a new one");
  }
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(file, `${fresh}\n`);
  } catch (error) {
    logger.warn(
      { file, id: fresh, err: error },
      "this server's id cannot be kept: it will be another server after a restart, unless --id is given",
    );
  }
  return fresh;
}
