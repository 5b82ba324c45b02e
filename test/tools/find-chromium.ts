import { findProgram, type Program, run, type WantedProgram } from './debian-packages.ts';

export const chromium: WantedProgram = {
  name: 'chromium',
  commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  path: 'usr/lib/chromium/chromium',
  variable: 'SLUICE_TEST_CHROMIUM',
  download,
  install,
};

export function findChromium(): Promise<Program> {
  return findProgram(chromium);
}

async function install(): Promise<void> {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const packages = ['install', '--yes', '--no-install-recommends', 'chromium'];
  await run('apt-get', packages, options).catch(async () => {
    await run('apt-get', ['update'], options);
    await run('apt-get', packages, options);
  });
}

/** Downloads Chromium and those of its dependencies that the machine does not have. */
async function download(folder: string): Promise<void> {
  const { stdout } = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'chromium']);
  const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name as string);
  await run('apt-get', ['download', ...new Set(['chromium', 'chromium-common', ...missing])], { cwd: folder });
}
