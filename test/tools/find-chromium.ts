import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = resolve(import.meta.dirname, '../../.cache/chromium');
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A Chromium that can be run, and what must be in its environment. */
export interface ChromiumBinary {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The Chromium on PATH; else, on Debian and Ubuntu, the distribution's own with the libraries it needs: installed if this is root,
 * else unpacked into `.cache/chromium`. `SLUICE_TEST_CHROMIUM=fetch` leaves PATH out of account; any other value is the program to use.
 * Rejects with one line saying what to install.
 */
export async function findChromium(): Promise<ChromiumBinary> {
  const wanted = process.env['SLUICE_TEST_CHROMIUM'];
  if (wanted && wanted !== 'fetch') return { program: wanted, env: {} };
  const installed = wanted === 'fetch' ? undefined : await onPath();
  if (installed) return { program: installed, env: {} };
  const unpacked = await unpackedIn(cache);
  if (unpacked) return unpacked;
  try {
    if (wanted !== 'fetch' && process.getuid?.() === 0) await install();
    else await unpack();
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message)
      .trim()
      .split('\n')
      .at(-1);
    throw new Error(
      `no chromium on PATH, and it could not be fetched (${reason}): install chromium, or name a program in SLUICE_TEST_CHROMIUM`,
      { cause: error },
    );
  }
  const fetched = (await unpackedIn(cache)) ?? { program: await onPath(), env: {} };
  if (fetched.program === undefined)
    throw new Error('chromium was fetched, but is not to be found: name a program in SLUICE_TEST_CHROMIUM');
  return fetched as ChromiumBinary;
}

async function install(): Promise<void> {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const packages = ['install', '--yes', '--no-install-recommends', 'chromium'];
  await run('apt-get', packages, options).catch(async () => {
    await run('apt-get', ['update'], options);
    await run('apt-get', packages, options);
  });
}

/** Without root: whatever of its dependencies the machine does not have. */
async function unpack(): Promise<void> {
  await mkdir(cache, { recursive: true });
  // Next to the place where it belongs, and renamed when it is whole: several test files may fetch at once.
  const work = await mkdtemp(`${cache}-`);
  try {
    const { stdout } = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'chromium']);
    const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name as string);
    await run('apt-get', ['download', ...new Set(['chromium', 'chromium-common', ...missing])], { cwd: work });
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

async function unpackedIn(folder: string): Promise<ChromiumBinary | undefined> {
  const root = join(folder, 'root');
  const program = join(root, 'usr/lib/chromium/chromium');
  if (!(await runnable(program))) return undefined;
  const libraries = (await readdir(join(root, 'usr/lib'))).filter((name) => name.includes('-linux-'));
  return { program, env: { LD_LIBRARY_PATH: libraries.map((name) => join(root, 'usr/lib', name)).join(delimiter) } };
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) if (folder !== '' && (await runnable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

async function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
