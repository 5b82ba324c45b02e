import { test } from 'tap';
import { adminToken, startBalancer } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { holds, startBrowser } from './browser.ts';
import { hear, hookFeed } from './feed-hook.ts';

const project = (name: string, revision = 1) => ({
  name,
  basePath: `/${name}`,
  version: `1.0.${revision}`,
  targets: { default: { url: 'http://127.0.0.1:9' } },
});

test('many projects and revisions are folded, with counts and a filter; what the user opens stays open', async (t) => {
  const balancer = await startBalancer(t);
  const names = Array.from({ length: 13 }, (_, index) => `project-${String(index).padStart(2, '0')}`);
  for (const name of names) await balancer.api('POST', '/v1/projects', project(name));
  for (let revision = 2; revision <= 7; revision++) await balancer.api('POST', '/v1/projects', project('project-03', revision));
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  const one = page.getByRole('region', { name: 'Project project-03' });
  await one.waitFor();
  t.equal(await page.locator('[data-project]').count(), 13);
  t.equal(await page.getByRole('button', { name: /^Deploy/ }).count(), 0, 'all are folded');
  await audit(t, page, 'projects-folded');
  await one.getByRole('button', { name: /^project-03 .*Newest 7 Revisions 7 Deployments 0$/ }).press('Enter');
  await one.getByRole('button', { name: 'Deploy project-03', exact: true }).waitFor();
  const focus = (label: string) => holds(page, `document.activeElement.getAttribute("aria-label") === "${label}"`);
  await focus('Collapse project-03');
  t.equal(await one.getByRole('row').count(), 0, 'its seven revisions are folded');
  const revisions = one.getByRole('button', { name: 'Revisions 7 of project-03' });
  t.equal(await revisions.getAttribute('aria-expanded'), 'false');
  await revisions.press('Enter');
  await one.getByRole('row', { name: /^7 / }).waitFor();
  t.equal(await one.getByRole('row').count(), 8);
  const filter = one.getByRole('searchbox', { name: 'Filter revisions of project-03' });
  await filter.fill('1.0.4');
  t.equal(await one.getByRole('row').count(), 2);

  await balancer.api('POST', '/v1/projects', project('project-03', 8));
  await one.getByRole('button', { name: 'Revisions 8 of project-03' }).waitFor();
  t.equal(await filter.inputValue(), '1.0.4', 'an update of the page keeps the filter');
  t.equal(await one.getByRole('row').count(), 2, 'and what is open');
  t.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Filter revisions of project-03', 'and the focus');
  await audit(t, page, 'projects-opened');
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await one.getByRole('row', { name: /^8 / }).waitFor();
  t.pass('another view between keeps it open too');
  await one.getByRole('button', { name: 'Collapse project-03' }).click();
  await holds(page, 'document.activeElement.closest("[data-project]")?.dataset.project === "project-03"');
  await page.getByRole('searchbox', { name: 'Filter projects' }).fill('project-1');
  t.equal(await page.locator('[data-project]').count(), 3);
  await page.getByText('3 of 13 projects').waitFor();

  await page.goto(`${balancer.control}/#projects/project-07`);
  await holds(page, 'document.activeElement.dataset.project === "project-07"');
  await page.getByRole('button', { name: 'Deploy project-07', exact: true }).waitFor();
  t.pass('a link to a project opens it');
  t.same(complaints, []);
});

test('with 1,000 servers and 1,000 projects a message of the feed changes nothing in what is folded', async (t) => {
  const balancer = await startBalancer(t);
  const { page, context, complaints } = await startBrowser(t);
  await hookFeed(page);
  const hash = 'a'.repeat(64);
  const many = Array.from({ length: 1000 }, (_, index) => `p-${String(index).padStart(4, '0')}`);
  const snapshot = { epoch: 'e', version: 7, hash };
  const summaries = many.map((name) => ({ name, latest: 1, revisions: [{ revision: 1, version: '', createdAt: 0, hash }] }));
  await page.route('**/v1/projects', (route) => route.fulfill({ json: summaries }));
  await page.route('**/v1/deployments', (route) =>
    route.fulfill({
      json: [
        { environment: 'production', ...snapshot, deployments: many.map((name) => ({ project: name, revision: 1, basePath: `/${name}` })) },
      ],
    }),
  );
  const server = (index: number, more = {}) => ({
    ...{ id: `s-${index}`, instance: 'i', environment: 'production', address: '127.0.0.1:9', weight: 1, state: 'ready', health: 'up' },
    ...{
      source: 'join',
      version: '1',
      running: snapshot,
      active: 0,
      requests: 0,
      serverErrors: 0,
      targetErrors: 0,
      startedAt: 0,
      lastSeen: 0,
    },
    projects: many.slice(0, 50).map((name) => ({ name, revision: 1, state: 'active' })),
    ...more,
  });
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.evaluate('window.deaf = true');
  await hear(page, { type: 'servers', at: Date.now(), servers: Array.from({ length: 1000 }, (_, index) => server(index)) });
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await page.getByText('1000 projects', { exact: true }).waitFor();
  const elements = (await page.evaluate("document.querySelectorAll('*').length")) as number;
  t.ok(elements < 2000, `${elements} elements`);

  await page.evaluate(`window.changes = 0; new MutationObserver((all) => { window.changes += all.length; })
    .observe(document.getElementById('main'), { subtree: true, childList: true, characterData: true, attributes: true })`);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  const spent = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
  const before = await spent();
  const messages = 100;
  for (let index = 0; index < messages; index++) {
    await hear(page, { type: 'membership', at: Date.now(), server: server(index, { weight: 2 }) });
    await hear(page, { type: 'traffic', at: Date.now(), environments: { production: [5, 0, 1, 1, 1] }, servers: {} });
  }
  t.comment(
    `${Math.round((1e6 * ((await spent()) - before)) / messages)} µs of the page's thread for a change of a server and a second of traffic`,
  );
  t.equal(await page.evaluate('window.changes'), 0, 'folded lines are left alone');

  await hear(page, {
    type: 'membership',
    at: Date.now(),
    server: server(1, { projects: [{ name: 'p-0777', revision: 0, state: 'rejected', error: 'no such policy' }] }),
  });
  await page.getByRole('navigation', { name: 'Rejected projects' }).getByRole('link', { name: 'p-0777 rejected' }).click();
  await holds(page, 'document.activeElement.dataset.project === "p-0777"');

  for (const [index, more] of [{}, { elsewhere: true, health: 'unknown' }].entries())
    await hear(page, { type: 'membership', at: Date.now(), server: server(index + 2, { address: null, embedded: true, ...more }) });
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  const production = page.getByRole('region', { name: 'production' });
  await production.getByText('999 of 999 ready').waitFor();
  for (const [id, place] of Object.entries({ 's-2': 'in the balancer', 's-3': 'in another balancer' })) {
    await production.getByRole('searchbox', { name: 'Filter servers of production' }).fill(place);
    const shown = production.locator('.servers').getByText(place, { exact: true });
    await shown.waitFor();
    t.equal(await shown.locator('..').locator('strong').textContent(), id, 'the row of a server in a balancer says so');
  }
  t.same(complaints, []);
});
