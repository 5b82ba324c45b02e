import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, type Program, run, type WantedProgram } from './debian-packages.ts';

const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];

export const redisServer: WantedProgram = {
  name: 'redis-server',
  commands: ['redis-server'],
  path: 'usr/bin/redis-server',
  variable: 'SLUICE_TEST_REDIS',
  download,
};

export function findRedis(): Promise<Program> {
  return findProgram(redisServer);
}

/** Uses the machine's package lists if it has any, else fetches lists into the folder, which needs no root. */
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
