import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { root, textOf } from '../tools/source-files.ts';
import { bundledPackages, checkContents } from './contents.ts';

test('the build lists the bundled packages with their licences', async (t) => {
  const folder = t.testdir({});
  execFileSync(process.execPath, [fileURLToPath(new URL('.ci/build.mjs', root)), join(folder, 'sluice.mjs')]);
  const beside = Object.keys(JSON.parse(textOf('package.json')).dependencies);
  const { bill } = checkContents(t, `${folder}/`, await bundledPackages(beside));
  for (const name of ['fastify', 'zod', 'preact', 'uplot'])
    t.ok(
      bill.components.some((one) => one.name === name),
      name,
    );
  for (const name of beside)
    t.notOk(
      bill.components.some((one) => one.name === name),
      `${name} is not bundled`,
    );
});
