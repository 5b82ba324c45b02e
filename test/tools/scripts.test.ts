import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { ownFolder } from './own-folder.ts';
import { root } from './source-files.ts';

function run(script: string, cwd: string, ...flags: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, fileURLToPath(new URL(script, root))], {
    cwd,
    encoding: 'utf8',
  });
  return { status, out: stdout, err: stderr };
}

test('count-results counts what tap stored, and names what failed; a file that crashed, or no file at all, is a failure', async (t) => {
  const count = (files: Record<string, string>) =>
    run('test/tools/count-results.mjs', ownFolder(t, { '.tap': { 'test-results': { test: files } } }));
  const good = '# Subtest: a\n    ok 1 - x\n    ok 2 - y # SKIP later\n    1..2\nok 1 - a\n1..1\n';
  t.match(count({ 'a.test.ts.tap': good, 'b.test.ts.tap': good }), { status: 0, out: '2 passed, 0 failed\n' });
  t.match(count({ 'a.test.ts.tap': good, 'b.test.ts.tap': '# Subtest: a\n    not ok 1 - x\n    1..1\nnot ok 1 - a\n1..1\n' }), {
    status: 1,
    out: 'failed: test/b.test.ts.tap: a > x\n1 passed, 1 failed\n',
  });
  t.match(count({ 'a.test.ts.tap': good, 'crashed.test.ts.tap': '' }), {
    status: 1,
    out: 'failed: test/crashed.test.ts.tap: no assertion ran\n1 passed, 1 failed\n',
  });
  t.match(count({}), { status: 1, out: '0 passed, 0 failed\n' });
  t.match(run('test/tools/count-results.mjs', ownFolder(t)), { status: 1, out: '0 passed, 0 failed\n' });
});

test('prepare refuses an old Node.js with one line, before it installs anything', async (t) => {
  const older = "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.18.3'}})";
  const { status, out, err } = run('.ci/prepare.mjs', ownFolder(t), '--import', older);
  t.equal(status, 1);
  t.equal(out, '');
  t.equal(err, 'Sluice needs Node.js 20.19 or newer; this is 20.18.3. Get it from https://nodejs.org\n');
});
