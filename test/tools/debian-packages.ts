import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** A program that can be run, and what must be in its environment. */
export interface Program {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The first of these programs that PATH has. */
export async function onPath(...names: string[]): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) if (folder !== '' && (await runnable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** Unpacks, without root, the packages that `download` puts into the folder it is given; `cache` holds them from then on. */
export async function unpack(cache: string, download: (folder: string) => Promise<unknown>): Promise<void> {
  await mkdir(cache, { recursive: true });
  // Next to the place where it belongs, and renamed when it is whole: several test files may fetch at once.
  const work = await mkdtemp(`${cache}-`);
  try {
    await download(work);
    for (const deb of (await readdir(work)).filter((file) => file.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, deb), join(work, 'root')]);
    }
    await rename(join(work, 'root'), join(cache, 'root')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The program at `path` of what was unpacked into `cache`, with the libraries that came along; undefined if there is none. */
export async function unpackedIn(cache: string, path: string): Promise<Program | undefined> {
  const root = join(cache, 'root');
  const program = join(root, path);
  if (!(await runnable(program))) return undefined;
  const libraries = (await readdir(join(root, 'usr/lib'))).filter((name) => name.includes('-linux-'));
  return { program, env: { LD_LIBRARY_PATH: libraries.map((name) => join(root, 'usr/lib', name)).join(delimiter) } };
}

/** The last line of what a command complained about, else of the error itself. */
export function reasonOf(error: unknown): string | undefined {
  const { stderr, message } = error as Error & { stderr?: string };
  return String(stderr || message)
    .trim()
    .split('\n')
    .at(-1);
}

function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
