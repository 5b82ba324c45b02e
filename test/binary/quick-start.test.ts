import { test } from 'tap';
import { textOf } from '../tools/source-files.ts';
import { Binary, noBinary } from './binary.ts';
import { bundledPackages, checkContents } from './contents.ts';
import { quickStart } from './quick-start.ts';
import { rollingUpdate } from './rolling-update.ts';

test('one file is all of Sluice', { timeout: 120_000, skip: noBinary ?? false }, async (t) => {
  const binary = await Binary.build(t);
  t.comment(binary.buildOutput.trim());
  await t.test('the licence notices and the bill of materials list everything inside, Node.js included', async (t) => {
    const node = `Node.js ${JSON.parse(textOf('.ci/pinned-node.json'))['24'].version}`;
    const { notices, bill } = checkContents(t, `${binary.file}.`, await bundledPackages([]), [node]);
    t.match(notices, `${node} (MIT)\n\nNode.js is licensed for use as follows:`);
    t.match(notices, /OpenSSL/, 'with the parts of Node.js');
    t.ok(bill.components.length > 80);
  });
  await t.test('the quick start in an empty folder', (t) => quickStart(t, binary));
  await t.test('a newer build takes over, worker by worker, under load', (t) => rollingUpdate(t, binary));
});
