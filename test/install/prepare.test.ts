import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { root } from '../tools/source-files.ts';

const locked = {
  'node_modules/fastify': { version: '1.0.0' },
  'node_modules/ws': { version: '2.0.0' },
  'node_modules/tap': { version: '3.0.0' },
};
const built = 'node_modules/@tapjs/test/test-built/dist/esm/index.js';

/** Stands in for npm and npx: writes down what it was called with, and installs as npm does, the list of what is there last. */
const npm = `#!${process.execPath}
const { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const words = process.argv.slice(2);
appendFileSync('calls', words.filter((word) => !/^--(?!omit=dev|include=dev)/.test(word)).join(' ') + '\\n');
const write = (file, text) => { mkdirSync(require('node:path').dirname(file), { recursive: true }); writeFileSync(file, text); };
if (words[0] === 'tap') write('${built}', '');
else {
  if (process.env.NPM_FAILS) { console.error('npm error: no network'); process.exit(1); }
  rmSync('node_modules', { recursive: true, force: true });
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const places = Object.keys(packages).filter((place) => place && (place !== 'node_modules/tap' || !words.includes('--omit=dev')));
  for (const place of places) write(place + '/package.json', '{}');
  write('${built}', '@tapjs/typescript');
  const end = () => write('node_modules/.package-lock.json', JSON.stringify({ packages: Object.fromEntries(places.map((place) => [place, packages[place]])) }));
  if (process.env.NPM_HANGS) { console.error('half way'); setInterval(() => {}, 1000); } else end();
}
`;

/** A checkout of two dependencies and one tool, in a folder whose name needs care. */
class Checkout {
  readonly folder = join(mkdtempSync(join(tmpdir(), 'sluice-install-')), 'a checkout, ñandú 100%');

  constructor(t: Test) {
    t.teardown(() => rmSync(join(this.folder, '..'), { recursive: true, force: true }));
    for (const folder of ['.ci', 'test', 'bin']) mkdirSync(join(this.folder, folder), { recursive: true });
    for (const file of ['.ci/prepare.mjs', '.ci/manifest.mjs']) copyFileSync(fileURLToPath(new URL(file, root)), join(this.folder, file));
    this.write('package.json', {
      engines: { node: '>=20.19' },
      dependencies: { fastify: '1', ws: '2' },
      devDependencies: { tap: '3' },
      tap: { plugin: ['!@tapjs/typescript'] },
    });
    this.write('package-lock.json', { packages: { '': {}, ...locked } });
    for (const name of ['npm', 'npx']) writeFileSync(join(this.folder, 'bin', name), npm, { mode: 0o755 });
  }

  write(file: string, content: unknown): void {
    writeFileSync(join(this.folder, file), JSON.stringify(content));
  }

  /** Runs it from elsewhere; what it called since the last time, its status and what it said. */
  prepare(words: readonly string[] = [], env: Record<string, string> = {}, uid?: number) {
    // Without what tap adds to each Node.js: another user could not write where it keeps its records.
    const command = ['-u', 'NODE_OPTIONS', process.execPath, join(this.folder, '.ci/prepare.mjs'), ...words];
    const { status, stderr } = spawnSync('env', command, {
      cwd: tmpdir(),
      env: { ...this.env, ...env },
      encoding: 'utf8',
      ...(uid !== undefined && { uid }),
    });
    return { status, calls: this.calls(), said: stderr };
  }

  get env() {
    return { PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}` };
  }

  calls(): string[] {
    const file = join(this.folder, 'calls');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    rmSync(file);
    return lines;
  }
}

const few = { status: 0, calls: ['ci --omit=dev'] };
const nothing = { status: 0, calls: [], said: '' };

test('only what is needed is installed, and once', async (t) => {
  const checkout = new Checkout(t);
  const first = checkout.prepare();
  t.match(first, few);
  t.match(first.said, /^Installing packages, once: 0\n(.*\n)*Installed 2 packages in \d+\.\d s +\n$/, 'it says what it does');
  t.match(checkout.prepare(), nothing);
  t.match(checkout.prepare(['all']), { status: 0, calls: ['ci --include=dev', 'tap build'] });
  t.match(checkout.prepare(['all']), nothing);
  t.match(checkout.prepare(), nothing, 'more than needed is enough');
});

test('what npm installed is taken as it is, and tap built where npm alone was run', async (t) => {
  const checkout = new Checkout(t);
  spawnSync('npm', ['ci'], { cwd: checkout.folder, env: checkout.env });
  t.strictSame(checkout.calls(), ['ci']);
  t.match(checkout.prepare(), nothing);
  t.match(checkout.prepare(['all']), { status: 0, calls: ['tap build'] });
});

test('what is not whole, or not what the lock names, is installed again', async (t) => {
  const checkout = new Checkout(t);
  t.match(checkout.prepare(), few);
  rmSync(join(checkout.folder, 'node_modules/.package-lock.json'));
  t.match(checkout.prepare(), few, 'interrupted');
  rmSync(join(checkout.folder, 'node_modules/ws'), { recursive: true });
  t.match(checkout.prepare(), few, 'a package was removed');
  checkout.write('package-lock.json', { packages: { '': {}, ...locked, 'node_modules/ws': { version: '2.0.1' } } });
  t.match(checkout.prepare(), few, 'another version is wanted');
  checkout.write('package.json', {
    ...JSON.parse(readFileSync(join(checkout.folder, 'package.json'), 'utf8')),
    dependencies: { fastify: '1', ws: '2', tap: '3' },
  });
  t.match(checkout.prepare(), few, 'another package is wanted');
});

test('an interrupted installation ends with npm, and the next one begins anew', async (t) => {
  const checkout = new Checkout(t);
  const child = spawn(process.execPath, [join(checkout.folder, '.ci/prepare.mjs')], { env: { ...checkout.env, NPM_HANGS: '1' } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (!said.includes('half way') && (said + text).includes('half way')) child.kill('SIGINT');
    said += text;
  });
  const [status] = await once(child, 'close');
  t.equal(status, 1);
  t.match(said, /^interrupted; the next start begins anew\n$/m);
  checkout.calls();
  t.match(checkout.prepare(), few);
});

test('what cannot be done is said in a line', async (t) => {
  const checkout = new Checkout(t);
  const failed = checkout.prepare([], { NPM_FAILS: '1' });
  t.equal(failed.status, 1);
  t.match(failed.said, /npm error: no network\nnpm ci failed: it needs the npm registry; see above\n$/);

  t.match(checkout.prepare(), few);
  const nobody = process.getuid?.() === 0 ? 65534 : undefined;
  chmodSync(join(checkout.folder, '..'), 0o755);
  chmodSync(checkout.folder, 0o555);
  const foreign = checkout.prepare([], {}, nobody);
  chmodSync(checkout.folder, 0o755);
  t.match(foreign, { status: 1, calls: [] });
  t.equal(
    foreign.said,
    `${checkout.folder}/ belongs to another user: this one cannot write "." in it. Use a checkout of your own, or change the owner.\n`,
  );
});
