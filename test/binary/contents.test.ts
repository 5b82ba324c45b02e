import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { root } from '../tools/source-files.ts';
import { bundledPackages, checkContents } from './contents.ts';

test('the build lists the bundled packages with their licences', async (t) => {
  const folder = ownFolder(t);
  execFileSync(process.execPath, [fileURLToPath(new URL('.ci/build.mjs', root)), join(folder, 'sluice.mjs')]);
  const { outside }: { outside: readonly string[] } = await import(new URL('.ci/manifest.mjs', root).href);
  const { bill } = checkContents(t, `${folder}/`, await bundledPackages(outside));
  for (const name of ['fastify', 'zod', 'preact', 'uplot'])
    t.ok(
      bill.components.some((one) => one.name === name),
      name,
    );
  for (const name of outside)
    t.notOk(
      bill.components.some((one) => one.name === name),
      `${name} is not bundled`,
    );
});
