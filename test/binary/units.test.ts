import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { run } from '../cli/command-line.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { filesIn, root, textOf } from '../tools/source-files.ts';
import { unfit } from './unfit.ts';

const units = filesIn(['config/systemd'], ['.service']);
const container = textOf('Containerfile');

/** Parses a command line into role and options. Rejects if `sluice` refuses it. */
async function parsed(words: readonly string[]): Promise<readonly [role: string, options: unknown]> {
  const { roles, err } = await run(words);
  const [taken] = roles;
  if (taken === undefined) throw new Error(`sluice ${words.join(' ')} starts no role: ${err}`);
  return taken;
}

/** Lists the values that a unit assigns to a key. */
function assigned(unit: string, key: string): string[] {
  return [...textOf(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

test('the units run valid commands', async (t) => {
  t.strictSame(units, ['config/systemd/sluice-gateway@.service', 'config/systemd/sluice.service']);
  const [gateway = '', balancer = ''] = units.map((unit) => assigned(unit, 'ExecStart')[0]);
  t.match(await parsed(balancer.split(' ').slice(1)), ['serve', { config: '/etc/sluice/sluice.yaml' }]);
  const [variables = ''] = assigned(units[0] as string, 'Environment');
  const [, join = '', options = ''] = /^JOIN=(\S+) "OPTIONS=(.*)"$/.exec(variables) ?? [];
  const words = gateway.replaceAll('%i', 'gw-1').replace('${JOIN}', join).replace('$OPTIONS', options).split(' ').slice(1);
  t.match(await parsed(words), [
    'gateway',
    { id: 'gw-1', join: 'http://127.0.0.1:9000', environment: 'production', dataDir: '/var/lib/sluice-gateway/gw-1' },
  ]);
});

test('TimeoutStopSec is longer than the grace period', async (t) => {
  const { shutdown } = loadConfig({ env: {} });
  const production = loadConfig({ file: fileURLToPath(new URL('config/production.yaml', root)), env: {} });
  for (const unit of units) {
    const [seconds] = assigned(unit, 'TimeoutStopSec');
    t.ok(Number(seconds) * 1000 > Math.max(shutdown.grace, production.shutdown.grace), unit);
  }
});

test('systemd finds nothing wrong with the units', { skip: unfit('verify') }, async (t) => {
  const folder = ownFolder(t);
  const files = units.map((unit) => {
    const file = join(folder, unit.replace('@', '@gw-1').split('/').at(-1) as string);
    // The executable is not installed on this machine.
    writeFileSync(file, textOf(unit).replaceAll('/usr/local/bin/sluice', process.execPath));
    return file;
  });
  const verify = () => spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
  const complaints = () =>
    verify()
      .stderr.split('\n')
      .filter((line) => line.includes(folder));
  t.strictSame(complaints(), []);
  writeFileSync(files[1] as string, `${readFileSync(files[1] as string, 'utf8')}\n[Service]\nRestrat=always\n`);
  t.match(complaints().join('\n'), /Restrat/, 'and finds a misspelt setting');
});

test('the image copies files that exist, and runs a valid command', async (t) => {
  const stages = container.split(/^FROM /m).slice(1);
  t.equal(stages.length, 2);
  for (const [, names = ''] of container.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const name of names.split(' ')) t.ok(existsSync(new URL(name, root)), name);
  }
  const ignored = textOf('.dockerignore');
  for (const name of ['src', 'config', '.ci', 'package.json', 'package-lock.json', '.npmrc'])
    t.match(ignored, new RegExp(`^!${name}$`, 'm'));
  t.match(container, `RUN ${'npm run build:binary'}`);
  const [, command = ''] = /^CMD (\[.*\])$/m.exec(container) ?? [];
  t.match(await parsed(JSON.parse(command)), ['serve', { config: '/etc/sluice/sluice.yaml' }]);
  const config = loadConfig({ file: fileURLToPath(new URL('config/container.yaml', root)), env: {} });
  const ports = /^EXPOSE (.*)$/m.exec(container)?.[1]?.split(' ').map(Number);
  const listens = [config.environments[0]?.spec.listen, config.control.listen];
  t.strictSame(
    listens,
    ports?.map((port) => `0.0.0.0:${port}`),
  );
  t.match(container, /^USER sluice$/m);
});
