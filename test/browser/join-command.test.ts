import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type Test, test } from 'tap';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { builtProgram, SluiceProcess } from '../tools/sluice-process.ts';
import { adminToken, joinToken, serving, startBalancer } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { holds, startBrowser } from './browser.ts';

/** Runs a command line in a shell, in an empty folder, with `sluice` installed and nothing else set. */
function runInShell(t: Test, line: string): void {
  const folder = ownFolder(t);
  const [program, pid] = [join(folder, 'sluice'), join(folder, 'pid')];
  writeFileSync(program, `#!/bin/sh\necho $$ > ${pid}\nexec "${process.execPath}" "${builtProgram}" "$@"\n`);
  chmodSync(program, 0o755);
  // The shell may not hand its process over to the program, so the program is ended by its own id.
  t.teardown(() => {
    if (existsSync(pid)) process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
  });
  SluiceProcess.start(t, ['-c', line], { folder, program: '/bin/sh', env: { PATH: `${folder}:${process.env['PATH']}` } });
}

const copy = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();

test('the join command works as copied, in any folder', async (t) => {
  const balancer = await startBalancer(t);
  const { page, context, complaints } = await startBrowser(t);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('0 of 0 ready').waitFor();
  t.notMatch(await page.locator('body').textContent(), joinToken, 'the page does not show the token');
  await copy(page, `Copy: sluice gateway --join ${balancer.control} --environment production`);
  await page.getByText('Copied, with the join token').waitFor();
  runInShell(t, String(await page.evaluate('navigator.clipboard.readText()')));
  await page.getByText('1 of 1 ready').waitFor();
  await copy(page, `Copy: sluice gateway --join ${balancer.control}`);
  const line = await eventually(
    () => page.evaluate('navigator.clipboard.readText()').then(String),
    (text) => !text.includes('--environment'),
  );
  runInShell(t, line);
  await page.getByRole('region', { name: 'Available servers' }).locator('[data-server]').waitFor();
  const [server] = (await balancer.api('GET', '/v1/servers?environment=production')) as { id: string }[];
  await serving(balancer, [String(server?.id)]);
  t.same(complaints, []);
});

test('where the browser denies the clipboard, the whole command is selected', async (t) => {
  const balancer = await startBalancer(t);
  for (const [why, script] of [
    ['a page without TLS', "Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })"],
    ['no permission', "Clipboard.prototype.writeText = () => Promise.reject(new DOMException('denied', 'NotAllowedError'))"],
  ] as const) {
    const { page } = await startBrowser(t);
    await page.addInitScript(script);
    await page.goto(`${balancer.control}/#token=${adminToken}`);
    await page.getByText('0 of 0 ready').waitFor();
    await copy(page, `Copy: sluice gateway --join ${balancer.control} --environment production`);
    await page.getByText('Selected: copy it with Ctrl+C').waitFor();
    const line = `SLUICE_JOIN_TOKEN=${joinToken} sluice gateway --join ${balancer.control} --environment production`;
    await holds(page, 'getSelection().toString().length > 40');
    t.equal(await page.evaluate('getSelection().toString()'), line, why);
    await audit(t, page, 'selected-command');
  }
});
