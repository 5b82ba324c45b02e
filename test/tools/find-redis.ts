import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { onPath, type Program, reasonOf, run, unpack, unpackedIn } from './debian-packages.ts';

const cache = resolve(import.meta.dirname, '../../.cache/redis');
const program = 'usr/bin/redis-server';
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
  const { program: server, env } = await find(process.env['SLUICE_TEST_REDIS']);
  return { server, env };
}

async function find(wanted: string | undefined): Promise<Program> {
  if (wanted && wanted !== 'fetch') return { program: wanted, env: {} };
  const installed = wanted === 'fetch' ? undefined : await onPath('redis-server');
  if (installed) return { program: installed, env: {} };
  const unpacked = (await unpackedIn(cache, program)) ?? (await fetched());
  if (unpacked) return unpacked;
  throw new Error(
    'the tests need a real redis-server: install one (apt install redis-server, brew install redis, …) or name it in SLUICE_TEST_REDIS',
  );
}

async function fetched(): Promise<Program | undefined> {
  try {
    await unpack(cache, download);
  } catch (error) {
    throw new Error(
      `no redis-server on PATH, and it could not be fetched (${reasonOf(error)}): install redis-server, or name one in SLUICE_TEST_REDIS`,
      { cause: error },
    );
  }
  return unpackedIn(cache, program);
}

/** With the machine's package lists if they are there; else with lists of our own, for which root isn't needed. */
async function download(folder: string): Promise<void> {
  try {
    await run('apt-get', ['download', ...packages], { cwd: folder });
  } catch {
    const state = join(folder, 'apt');
    for (const part of ['state/lists/partial', 'cache/archives/partial']) await mkdir(join(state, part), { recursive: true });
    const settings = {
      'Dir::State': `${state}/state`,
      'Dir::State::lists': `${state}/state/lists`,
      'Dir::Cache': `${state}/cache`,
      'Dir::State::status': '/var/lib/dpkg/status',
    };
    const own = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await run('apt-get', [...own, 'update'], { cwd: folder });
    await run('apt-get', [...own, 'download', ...packages], { cwd: folder });
  }
}
