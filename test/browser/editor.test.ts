import type { Page } from 'playwright-core';
import { test } from 'tap';
import { adminToken, startBalancer } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { holds, resizeWindow, startBrowser, takePicture } from './browser.ts';
import { fitsEverywhere } from './layout.ts';

/** Text of the editor. */
async function textOf(page: Page): Promise<string> {
  return (await page.locator('.cm-line').allTextContents()).join('\n');
}

/** Types a word, waits until it is suggested, and takes it. */
async function take(page: Page, typed: string, suggested: string): Promise<void> {
  await page.keyboard.type(typed);
  await page.locator('li[aria-selected] .cm-completionLabel', { hasText: new RegExp(`^${suggested}$`) }).waitFor();
  await page.keyboard.press('Enter');
}

test('a project is written in an editor that completes by the schema, marks faults at their lines, and works by keyboard', async (t) => {
  const balancer = await startBalancer(t);
  const { page, complaints } = await startBrowser(t);
  const loaded: string[] = [];
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  await page.getByRole('button', { name: 'Push a project' }).waitFor();
  t.same(
    loaded.filter((path) => /editor|schema/.test(path)),
    [],
    'the editor is not part of the first load',
  );

  await page.getByRole('button', { name: 'Push a project' }).press('Enter');
  const editor = page.getByRole('textbox', { name: 'Project (YAML or JSON)' });
  await page.locator('.cm-content').focus();
  const list = page.getByRole('listbox', { name: 'Completions' });
  await take(page, 'na', 'name');
  await page.keyboard.type('shop\n');
  await take(page, 'bas', 'basePath');
  await page.keyboard.type('/shop\n');
  await take(page, 'poli', 'policies');
  await take(page, 'proxyReq', 'proxyRequest');
  await take(page, 'rateL', 'rateLimit');
  await list.waitFor();
  t.match(await page.locator('.cm-completionInfo').textContent(), /number of requests/, 'the description is shown beside the words');
  t.equal(await editor.getAttribute('aria-activedescendant'), await page.locator('[aria-selected=true]').getAttribute('id'));
  await audit(t, page, 'editor-suggestions');
  await editor.focus();
  await page.getByRole('button', { name: 'Suggest' }).click();
  await list.waitFor();
  await page.keyboard.press('Escape');
  await list.waitFor({ state: 'detached' });
  t.ok(await editor.isVisible(), 'Escape closes the list, not the dialog');
  await take(page, 'lim', 'limit');
  await page.keyboard.type('many');
  t.equal(await textOf(page), 'name: shop\nbasePath: /shop\npolicies:\n  proxyRequest:\n    - rateLimit:\n        limit: many');

  await page
    .getByText(/rateLimit\.limit: must be a whole number/)
    .first()
    .waitFor();
  t.match(await page.locator('.cm-faulty').allTextContents(), ['name: shop', 'limit: many'], 'faults are marked at their lines');
  await audit(t, page, 'editor-faults');
  await page.getByRole('button', { name: 'Line 6' }).click();
  t.equal(await page.evaluate('document.activeElement.shadowRoot.getSelection().toString()'), '        limit: many');
  await fitsEverywhere(t, page, 'editor');
  for (const width of [390, 360]) {
    await resizeWindow(page, { width, height: 780 });
    await page.getByRole('button', { name: 'Suggest' }).click();
    await holds(
      page,
      "document.querySelector('.editor > div').shadowRoot.querySelector('.cm-tooltip-autocomplete')?.getBoundingClientRect().right <= innerWidth",
    );
    await takePicture(page, `editor-${width}`);
    await page.keyboard.press('Escape');
  }
  await resizeWindow(page, { width: 1440, height: 900 });

  await editor.press('Control+A');
  await editor.press('Delete');
  await page.keyboard.insertText('{"name": "shop", "basePath": "/shop", "targets": {"default": {"url": "http://127.0.0.1:9"}}, "pol');
  await take(page, 'i', 'policies');
  await page.keyboard.type('{"proxyRequest": [{"ra');
  await take(page, 't', 'rateLimit');
  await page.keyboard.type('{"limit": 5}}]}}');
  await page.getByText('No faults.').waitFor();
  await page.getByRole('button', { name: 'Push', exact: true }).click();
  await page.getByRole('region', { name: 'Project shop' }).waitFor();

  const shop = page.getByRole('region', { name: 'Project shop' });
  await shop.getByRole('button', { name: 'Actions for project shop' }).click();
  await shop.getByRole('button', { name: 'Edit as a new revision…' }).click();
  await page.locator('.cm-line', { hasText: 'limit: 5' }).waitFor();
  await editor.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  t.same(
    complaints.filter((text) => !text.includes('422')),
    [],
    'the content policy permits the editor',
  );
});

test('without the editor, as after an update of the balancer, a plain text field takes its place', async (t) => {
  const balancer = await startBalancer(t);
  const { page } = await startBrowser(t);
  await page.route('**/code-editor-*', (route) => route.fulfill({ status: 404 }));
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  await page.getByRole('button', { name: 'Push a project' }).click();
  const field = page.getByLabel('Project (YAML or JSON)');
  await field.fill('name: shop\nbasePath: shop\n');
  await page.getByText('basePath: must be a path').waitFor();
  await page.getByRole('button', { name: 'Line 2' }).click();
  t.same(
    await page.evaluate("[document.querySelector('textarea').selectionStart, document.querySelector('textarea').selectionEnd]"),
    [11, 25],
  );
  await page.route('**/v1/projects/validate', (route) => route.abort());
  await field.fill('name: shop\nbasePath: /shop\ntargets: { default: { url: "http://127.0.0.1:9" } }');
  await page.getByText('Not checked: The balancer does not answer').waitFor();
  await page.getByRole('button', { name: 'Push', exact: true }).click();
  await page.getByRole('region', { name: 'Project shop' }).waitFor();
});
