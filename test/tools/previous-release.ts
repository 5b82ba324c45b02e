import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';

const run = promisify(execFile);

/** The last commit before a change of what is stored: programs of that version and of this one share a registry during an update. */
const commit = '94ba0bd';

/**
 * Builds the previous release from the history of this repository. Resolves with the path of its program, or the reason why it cannot be built:
 * a copy without git, or with a shallow history.
 */
export async function buildPreviousRelease(
  owner: Owner,
): Promise<{ program: string; missing?: never } | { program?: never; missing: string }> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = ownFolder(owner);
  const archive = join(folder, 'source.tar');
  try {
    await run('git', ['archive', '--output', archive, commit], { cwd: root });
  } catch (error) {
    return { missing: `the history of this copy lacks commit ${commit}: ${(error as Error).message.split('\n')[0]}` };
  }
  await run('tar', ['-xf', archive, '-C', folder]);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await run(process.execPath, ['.ci/build.mjs'], { cwd: folder });
  return { program: join(folder, 'dist/sluice.mjs') };
}
