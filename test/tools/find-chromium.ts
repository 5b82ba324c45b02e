import { resolve } from 'node:path';
import { onPath, type Program, reasonOf, run, unpack, unpackedIn } from './debian-packages.ts';

const cache = resolve(import.meta.dirname, '../../.cache/chromium');
const program = 'usr/lib/chromium/chromium';
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The Chromium on PATH; else, on Debian and Ubuntu, the distribution's own with the libraries it needs: installed if this is root,
 * else unpacked into `.cache/chromium`. `SLUICE_TEST_CHROMIUM=fetch` leaves PATH out of account; any other value is the program to use.
 * Rejects with one line saying what to install.
 */
export async function findChromium(): Promise<Program> {
  const wanted = process.env['SLUICE_TEST_CHROMIUM'];
  if (wanted && wanted !== 'fetch') return { program: wanted, env: {} };
  const installed = wanted === 'fetch' ? undefined : await onPath(...names);
  if (installed) return { program: installed, env: {} };
  const unpacked = await unpackedIn(cache, program);
  if (unpacked) return unpacked;
  try {
    if (wanted !== 'fetch' && process.getuid?.() === 0) await install();
    else await unpack(cache, download);
  } catch (error) {
    throw new Error(
      `no chromium on PATH, and it could not be fetched (${reasonOf(error)}): install chromium, or name a program in SLUICE_TEST_CHROMIUM`,
      { cause: error },
    );
  }
  const fetched = await unpackedIn(cache, program);
  const found = fetched?.program ?? (await onPath(...names));
  if (found === undefined) throw new Error('chromium was fetched, but is not to be found: name a program in SLUICE_TEST_CHROMIUM');
  return { program: found, env: fetched?.env ?? {} };
}

async function install(): Promise<void> {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const packages = ['install', '--yes', '--no-install-recommends', 'chromium'];
  await run('apt-get', packages, options).catch(async () => {
    await run('apt-get', ['update'], options);
    await run('apt-get', packages, options);
  });
}

/** Whatever of its dependencies the machine does not have, too. */
async function download(folder: string): Promise<void> {
  const { stdout } = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'chromium']);
  const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name as string);
  await run('apt-get', ['download', ...new Set(['chromium', 'chromium-common', ...missing])], { cwd: folder });
}
