import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { root, textOf } from '../tools/source-files.ts';

const skip = process.platform === 'linux' ? false : 'Node.js is fetched on Linux only';

/** A checkout that pins two versions which do not exist; the registry that its npm asks has the packages in `bin`. */
function checkoutOf(t: Test) {
  const folder = join(mkdtempSync(join(tmpdir(), 'sluice-pinned-')), 'a checkout, ñandú 100%');
  t.teardown(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
  for (const name of ['.ci', 'bin']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['pinned-node.mjs', 'matrix.mjs'])
    copyFileSync(fileURLToPath(new URL(`.ci/${name}`, root)), join(folder, '.ci', name));
  const pins: Record<string, unknown> = {};
  for (const major of ['98', '99']) {
    const inside = join(folder, 'package');
    mkdirSync(join(inside, 'bin'), { recursive: true });
    writeFileSync(join(inside, 'bin/node'), `#!/bin/sh\necho "${major} $*"\n[ "$1" != "fail on ${major}" ]\n`, { mode: 0o755 });
    writeFileSync(join(inside, 'LICENSE'), 'as you like');
    const file = join(folder, `bin/node-linux-${process.arch}@${major}.1.0.tgz`);
    execFileSync('tar', ['-czf', file, '-C', folder, 'package']);
    const hash = createHash('sha512').update(readFileSync(file)).digest('base64');
    pins[major] = { version: `${major}.1.0`, integrity: { [process.arch]: `sha512-${hash}` } };
  }
  writeFileSync(join(folder, '.ci/pinned-node.json'), JSON.stringify(pins));
  // npm pack PACKAGE --pack-destination FOLDER …
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\ncp "$(dirname "$0")/$2.tgz" "$4/package.tgz"\n`, { mode: 0o755 });
  const run = (script: string, ...words: string[]) => {
    const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, '.ci', script), ...words], { encoding: 'utf8', env });
    return { status, out: stdout, said: stderr };
  };
  return { folder, run, cache: join(folder, '.cache/node') };
}

test('a pinned Node.js is fetched once', { skip }, async (t) => {
  const { folder, run, cache } = checkoutOf(t);
  const program = join(cache, `98.1.0-${process.arch}/bin/node`);
  const first = run('pinned-node.mjs', '98');
  t.match(first, { status: 0, out: `${program}\n`, said: `Fetching node-linux-${process.arch}@98.1.0 from the npm registry, once…\n` });
  t.equal(execFileSync(program, ['x'], { encoding: 'utf8' }), '98 x\n');
  rmSync(join(folder, 'bin'), { recursive: true });
  t.strictSame(run('pinned-node.mjs', '98'), { status: 0, out: `${program}\n`, said: '' });
});

test('what is not the one that was pinned is not taken, and nothing stays of it', { skip }, async (t) => {
  const { folder, run, cache } = checkoutOf(t);
  copyFileSync(join(folder, `bin/node-linux-${process.arch}@99.1.0.tgz`), join(folder, `bin/node-linux-${process.arch}@98.1.0.tgz`));
  const { status, out, said } = run('pinned-node.mjs', '98');
  t.match({ status, out }, { status: 1, out: '' });
  t.match(said, /\nnode-linux-\w+@98\.1\.0 is not what \.ci\/pinned-node\.json names: its hash is sha512-\S+\n$/);
  t.strictSame(readdirSync(cache), []);
  rmSync(join(folder, `bin/node-linux-${process.arch}@98.1.0.tgz`));
  t.match(run('pinned-node.mjs', '98'), { status: 1, said: /@98\.1\.0 could not be fetched: cp: .*\n$/ });
  t.match(run('pinned-node.mjs', '97'), { status: 1, said: 'there is no pinned Node.js 97, only 98, 99\n' });
  t.notOk(existsSync(join(cache, `98.1.0-${process.arch}`)));
});

test('a command runs on each of them in turn', { skip }, async (t) => {
  const { run } = checkoutOf(t);
  t.match(run('matrix.mjs', '--', 'node', 'test it'), {
    status: 0,
    out: '98 test it\n99 test it\n',
    said: /Node\.js 98: passed\n(.*\n)*Node\.js 99: passed\n$/,
  });
  t.match(run('matrix.mjs', '99', '--', 'node', 'test it'), { status: 0, out: '99 test it\n' });
  t.match(
    run('matrix.mjs', 'node', 'fail on 98'),
    { status: 1, said: /Node\.js 98: FAILED\n(.*\n)*Node\.js 99: passed\n$/ },
    'the others are tried anyway',
  );
  t.match(run('matrix.mjs', '97'), { status: 1, said: 'there is no pinned Node.js 97, only 98, 99\nNode.js 97: FAILED\n' });
});

test('the pins are of the oldest supported version and newer ones, for both processors', async (t) => {
  const pins: Record<string, { version: string; integrity: Record<string, string> }> = JSON.parse(textOf('.ci/pinned-node.json'));
  t.strictSame(Object.keys(pins), ['20', '22', '24']);
  t.match(JSON.parse(textOf('package.json')).engines.node, /^>=20\./);
  for (const [major, { version, integrity }] of Object.entries(pins)) {
    t.ok(version.startsWith(`${major}.`), version);
    t.strictSame(Object.keys(integrity), ['x64', 'arm64']);
    for (const hash of Object.values(integrity)) t.match(hash, /^sha512-[\w+/]{86}==$/);
  }
});
