import type { Locator, Page } from 'playwright-core';
import { type Test, test } from 'tap';
import { echoProject, startTarget } from '../tools/echo.ts';
import { startRejectingServer } from '../tools/rejecting-server.ts';
import { adminToken, type BalancerUnderTest, joinToken, startBalancer, testEnvironment } from '../tools/sluice-under-test.ts';
import { resizeWindow, startBrowser } from './browser.ts';
import { fitsEverywhere } from './layout.ts';

/** The longest name allowed, without a place to break it. */
const long = (word: string) => `${word}${'w'.repeat(63 - word.length)}`;
const longHost = `${'h'.repeat(60)}.example.test`;

/** Registers a server that waits for an environment. Nothing listens at its address, and nothing connects to it. */
async function registerAvailable(balancer: BalancerUnderTest, id: string): Promise<void> {
  const response = await fetch(`${balancer.control}/v1/register/${id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${joinToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ address: '127.0.0.1:9', ttl: '10m' }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** Opens something, checks it at every width, and closes it by Escape. */
async function checkOpened(t: Test, page: Page, name: string, button: Locator, shown: Locator): Promise<void> {
  await button.click();
  await shown.waitFor();
  await fitsEverywhere(t, page, name);
  await page.keyboard.press('Escape');
  await shown.waitFor({ state: 'detached' });
}

test('with the longest names, every view, menu, dialog and chip fits at every width', async (t) => {
  const staticServers = ['down', 'gone'].map((word) => ({ id: long(word), address: '127.0.0.1:9', weight: 65_535 }));
  const balancer = await startBalancer(
    t,
    {},
    {
      [long('busy')]: { ...testEnvironment, hosts: [longHost], servers: staticServers, variables: { target: 'http://127.0.0.1:9' } },
      third: { ...testEnvironment, hosts: ['third.test'] },
    },
  );
  const target = await startTarget(t);
  const reason = `no policy ${'x'.repeat(120)}`;
  const odd = long('project');
  await Promise.all([
    startRejectingServer(t, long('prod'), balancer.control, ({ name, revision }) => (name === odd && revision > 1 ? reason : undefined)),
    startRejectingServer(t, 'prod-2', balancer.control, () => undefined),
    registerAvailable(balancer, long('spare')),
    registerAvailable(balancer, 'spare-2'),
  ]);
  const project = { ...echoProject(target.url, '1'), name: odd, basePath: `/${'p'.repeat(120)}`, version: 'v'.repeat(64) };
  const push = (revision: string) =>
    balancer.api('POST', '/v1/projects', { ...project, policies: echoProject(target.url, revision)['policies'] });
  const deploy = () => balancer.api('PUT', `/v1/environments/production/deployments/${odd}`, {});
  await push('1');
  await deploy();
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  const production = page.getByRole('region', { name: 'Environment production' });
  await production.getByText('2 of 2 ready').waitFor();
  await push('2');
  await deploy();
  await push('3');
  await production.getByText('Rejecting').waitFor();
  await page.getByText('Down', { exact: true }).first().waitFor();
  await fitsEverywhere(t, page, 'overview');

  const dialog = page.getByRole('dialog');
  for (const [index, button] of (await page.getByRole('button', { name: /^Actions for environment/ }).all()).entries()) {
    await checkOpened(t, page, `environment-menu-${index}`, button, page.getByRole('button', { name: 'Settings…' }));
  }
  for (const [index, button] of (await page.getByRole('button', { name: /^Actions for (?!environment)/ }).all()).entries()) {
    await checkOpened(t, page, `server-menu-${index}`, button, page.getByRole('button', { name: /^(Drain|Resume)/ }));
  }
  for (const [index, button] of (await page.getByRole('button', { name: /^Add to an environment/ }).all()).entries()) {
    await checkOpened(t, page, `add-menu-${index}`, button, page.locator('.disclosed').getByRole('button').first());
  }
  await checkOpened(t, page, 'trouble-menu', page.getByRole('button', { name: /all \d+ troubles/ }), page.locator('.disclosed a').first());
  const menu = (name: string) => page.getByRole('button', { name, exact: true });
  const environmentMenu = menu(`Actions for environment ${long('busy')}`);
  await environmentMenu.click();
  await checkOpened(t, page, 'dialog-settings', page.getByRole('button', { name: 'Settings…' }), dialog);
  await environmentMenu.click();
  await checkOpened(t, page, 'dialog-delete', page.getByRole('button', { name: 'Delete…' }), dialog);
  await menu(`Actions for ${long('prod')}`).click();
  await checkOpened(t, page, 'dialog-move', page.getByRole('button', { name: `Move to ${long('busy')}` }), dialog);
  await menu(`Actions for ${long('prod')}`).click();
  await checkOpened(t, page, 'dialog-remove', page.getByRole('button', { name: /^Remove/ }), dialog);
  await checkOpened(t, page, 'dialog-new', page.getByRole('button', { name: 'New environment' }), dialog);

  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await page
    .getByText(`${long('prod')}`)
    .first()
    .waitFor();
  await fitsEverywhere(t, page, 'projects');
  await checkOpened(t, page, 'dialog-push', page.getByRole('button', { name: 'Push a project' }), dialog);
  await checkOpened(t, page, 'dialog-deploy', page.getByRole('button', { name: `Deploy ${odd}`, exact: true }), dialog);
  await checkOpened(t, page, 'dialog-compare', page.getByRole('button', { name: 'Compare revision 2' }), dialog);
  await checkOpened(t, page, 'dialog-roll-back', page.getByRole('button', { name: /^Roll back/ }), dialog);
  await checkOpened(t, page, 'dialog-undeploy', page.getByRole('button', { name: /^Undeploy/ }), dialog);
  await page.getByRole('button', { name: `Deploy ${odd}`, exact: true }).click();
  await page.getByRole('checkbox', { name: /^third/ }).check();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await page.getByRole('button', { name: 'Done' }).waitFor();
  await fitsEverywhere(t, page, 'dialog-deploying');
  await page.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await page.getByText(`rejected ${odd}`).first().waitFor();
  await fitsEverywhere(t, page, 'activity');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  await fitsEverywhere(t, page, 'sign-in');
  t.same(
    complaints.filter((text) => !/401/.test(text)),
    [],
  );
});

test('with twelve environments the lines, the filters and the dialog to choose one fit at every width', async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => long(`team-${String(index).padStart(2, '0')}-`));
  const others = Object.fromEntries(names.map((name) => [name, { ...testEnvironment, hosts: [`${name.slice(0, 20)}.test`] }]));
  const failing = { ...testEnvironment, hosts: ['failing.test'], servers: [{ id: long('down'), address: '127.0.0.1:9' }] };
  const balancer = await startBalancer(t, {}, { ...others, [names[3] as string]: failing });
  await registerAvailable(balancer, long('spare'));
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('1 failing').first().waitFor();
  await page.getByRole('button', { name: /^Add to an environment/ }).waitFor();
  await fitsEverywhere(t, page, 'many-environments');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: /^Add to an environment/ }).click();
  await dialog.waitFor();
  await fitsEverywhere(t, page, 'dialog-choose');
  for (const screen of [360, 1440]) {
    await resizeWindow(page, { width: screen, height: 700 });
    const radios = await dialog.getByRole('radio').all();
    const widths = await Promise.all(radios.map(async (radio) => (await radio.boundingBox())?.width ?? 0));
    t.ok(widths.length === 13 && widths.every((width) => width > 10 && width < 24), `radios look like radios: ${widths}`);
  }
  t.same(complaints, []);
});
