import { renameSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file atomically and durably: `write` fills a new file, which is synced and renamed over the old one; then the folder is synced. Creates
 * the folder if it does not exist. `renamed` is called in the same step as the rename.
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  renamed: (inode: number) => void = () => {},
): Promise<void> {
  const fresh = `${path}.new`;
  const create = () => open(fresh, 'w', 0o600);
  const file = await create().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return create();
  });
  try {
    let inode: number;
    try {
      await write(file);
      await file.sync();
      inode = (await file.stat()).ino;
    } finally {
      await file.close();
    }
    renameSync(fresh, path);
    renamed(inode);
  } catch (error) {
    // The unfinished file may be what fills the disk.
    await rm(fresh, { force: true }).catch(() => {});
    throw error;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
