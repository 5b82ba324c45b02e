import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = resolve(import.meta.dirname, '../../.cache/redis');
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];

/** A redis-server that can be run, and what must be in its environment. */
export interface RedisBinary {
  readonly server: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The redis-server on PATH; else, on Debian and Ubuntu, the distribution's own, unpacked into `.cache/redis` without root.
 * `SLUICE_TEST_REDIS=fetch` leaves PATH out of account; any other value is the program to use. Rejects with one line saying what to install.
 */
export async function findRedis(): Promise<RedisBinary> {
  const wanted = process.env['SLUICE_TEST_REDIS'];
  if (wanted && wanted !== 'fetch') return { server: wanted, env: {} };
  const installed = wanted === 'fetch' ? undefined : await onPath('redis-server');
  if (installed) return { server: installed, env: {} };
  const unpacked = (await unpackedIn(cache)) ?? (await fetch());
  if (unpacked) return unpacked;
  throw new Error(
    'the tests need a real redis-server: install one (apt install redis-server, brew install redis, …) or name it in SLUICE_TEST_REDIS',
  );
}

async function fetch(): Promise<RedisBinary | undefined> {
  await mkdir(cache, { recursive: true });
  // Next to the place where it belongs, and renamed when it is whole: several test files may fetch at once.
  const work = await mkdtemp(`${cache}-`);
  try {
    await download(work);
    const debs = (await readdir(work)).filter((file) => file.endsWith('.deb'));
    for (const deb of debs) await run('dpkg', ['-x', join(work, deb), join(work, 'root')]);
    await rename(join(work, 'root'), join(cache, 'root')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return await unpackedIn(cache);
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message)
      .trim()
      .split('\n')
      .at(-1);
    throw new Error(
      `no redis-server on PATH, and it could not be fetched (${reason}): install redis-server, or name one in SLUICE_TEST_REDIS`,
      { cause: error },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** With the machine's package lists if they are there; else with lists of our own, for which root isn't needed. */
async function download(folder: string): Promise<void> {
  try {
    await run('apt-get', ['download', ...packages], { cwd: folder });
  } catch {
    const state = join(folder, 'apt');
    for (const part of ['state/lists/partial', 'cache/archives/partial']) await mkdir(join(state, part), { recursive: true });
    const own = [
      '-o',
      `Dir::State=${state}/state`,
      '-o',
      `Dir::State::lists=${state}/state/lists`,
      '-o',
      `Dir::Cache=${state}/cache`,
      '-o',
      'Dir::State::status=/var/lib/dpkg/status',
    ];
    await run('apt-get', [...own, 'update'], { cwd: folder });
    await run('apt-get', [...own, 'download', ...packages], { cwd: folder });
  }
}

async function unpackedIn(folder: string): Promise<RedisBinary | undefined> {
  const root = join(folder, 'root');
  const server = join(root, 'usr/bin/redis-server');
  if (!(await runnable(server))) return undefined;
  const libraries = await readdir(join(root, 'usr/lib'));
  const paths = libraries.filter((name) => name.includes('-linux-')).map((name) => join(root, 'usr/lib', name));
  return { server, env: { LD_LIBRARY_PATH: paths.join(delimiter) } };
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await runnable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

async function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
