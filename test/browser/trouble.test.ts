import type { Page } from 'playwright-core';
import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { startRejectingServer } from '../tools/rejecting-server.ts';
import { adminToken, serving, startBalancer, testEnvironment } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { holds, resizeWindow, startBrowser } from './browser.ts';
import { hear, hookFeed } from './feed-hook.ts';

/** Names of the environments in the order of the page. */
async function order(page: Page): Promise<string> {
  const all = await page.locator('[data-environment]').all();
  return (await Promise.all(all.map((one) => one.getAttribute('data-environment')))).join(' ');
}

/** Resolves when the environments stand in this order. */
async function inOrder(page: Page, wanted: string): Promise<void> {
  await eventually(
    () => order(page),
    (names) => names === wanted,
    { what: `the order ${wanted}` },
  );
}

/** Delivers so many seconds of traffic that the averages show nothing else. */
async function load(page: Page, rates: Readonly<Record<string, number>>): Promise<void> {
  const environments = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, [rate, 0, 1, 1, 1]]));
  for (let second = 0; second < 20; second++) await hear(page, { type: 'traffic', at: Date.now(), environments, servers: {} });
}

const down = [{ id: 'down-1', address: '127.0.0.1:9' }];

test('environments in trouble come first, then the busy ones; nothing moves under the pointer or the focus', async (t) => {
  const environment = (name: string, more = {}) => ({ [name]: { ...testEnvironment, hosts: [`${name}.test`], ...more } });
  const balancer = await startBalancer(
    t,
    {},
    { ...environment('a-calm'), ...environment('m-busy'), ...environment('z-failing', { servers: down }) },
  );
  const { page, complaints } = await startBrowser(t);
  await hookFeed(page);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await inOrder(page, 'z-failing a-calm m-busy production');
  const strip = page.getByRole('navigation', { name: 'Environments to look at first' });
  await strip.getByRole('link', { name: 'z-failing 1 failing' }).waitFor();
  await load(page, { 'm-busy': 50 });
  await inOrder(page, 'z-failing m-busy a-calm production');
  await strip.getByRole('link', { name: /^Busiest: m-busy \d+\/s$/ }).waitFor();

  await page.locator('[data-environment=z-failing]').hover();
  await load(page, { production: 900 });
  await strip.getByRole('link', { name: /^Busiest: production/ }).waitFor();
  t.equal(await order(page), 'z-failing m-busy a-calm production', 'not under the pointer');
  await page.getByRole('button', { name: 'Actions for environment a-calm' }).focus();
  await page.mouse.move(2, 2);
  await load(page, { production: 900 });
  t.equal(await order(page), 'z-failing m-busy a-calm production', 'not while the focus is inside');
  t.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Actions for environment a-calm');
  await page.getByRole('button', { name: 'New environment' }).focus();
  await load(page, { production: 900 });
  await inOrder(page, 'z-failing production m-busy a-calm');

  for (const size of [
    { width: 360, height: 640 },
    { width: 1440, height: 900 },
  ]) {
    await resizeWindow(page, size);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    const box = await strip.boundingBox();
    t.ok(box !== null && box.y >= 0 && box.y + box.height <= size.height, `the strip stays in sight, ${size.width} px wide`);
  }
  await strip.getByRole('link', { name: /^Busiest: production/ }).click();
  await holds(page, 'document.activeElement.dataset.environment === "production"');
  const [stripBox, cardBox] = [await strip.boundingBox(), await page.locator('[data-environment=production]').boundingBox()];
  t.ok(stripBox && cardBox && cardBox.y >= stripBox.y + stripBox.height - 8, 'the strip leads to the environment, and does not cover it');
  await audit(t, page, 'trouble-strip');

  await page.route('**/v1/environments/a-calm', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as { status: object };
    const certificates = [{ certificate: 'cut.pem', names: [], until: null, fault: 'cut.pem holds no certificate' }];
    await route.fulfill({ response, json: { ...answer, status: { ...answer.status, certificates } } });
  });
  await hear(page, { type: 'environment', at: Date.now(), name: 'a-calm' });
  await strip.getByRole('link', { name: 'a-calm certificate failing' }).waitFor();
  t.same(complaints, []);
});

test('a red word in the header names what is down, in every view, and leads there', async (t) => {
  const balancer = await startBalancer(t, {}, { staging: { ...testEnvironment, hosts: ['staging.test'], servers: down } });
  const target = await startTarget(t);
  const { page, complaints } = await startBrowser(t);
  await hookFeed(page);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const header = page.getByRole('banner');
  await header.getByRole('link', { name: /^1 server down: down-1 is down in staging$/ }).waitFor();
  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await header.getByRole('link', { name: /^1 server down/ }).click();
  await holds(page, 'document.activeElement.dataset.server === "down-1"');
  t.match(page.url(), /#overview\/staging\/down-1$/, 'the place has an address');
  await audit(t, page, 'trouble-word');

  await startRejectingServer(t, 'prod-1', balancer.control, ({ revision }) => (revision > 1 ? 'no such policy' : undefined));
  for (const revision of ['1', '2']) {
    await balancer.api('POST', '/v1/projects', echoProject(target.url, revision));
    await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
    if (revision === '1') await serving(balancer, ['prod-1']);
  }
  await header.getByRole('button', { name: '+1: all 2 troubles' }).click();
  await header.getByRole('link', { name: 'echo is rejected in production by 1 server' }).waitFor();
  await audit(t, page, 'trouble-menu');
  await header.getByRole('link', { name: 'echo is rejected in production by 1 server' }).click();
  await holds(page, 'document.activeElement.dataset.project === "echo"');

  await hear(page, { type: 'registry', at: Date.now(), up: true, refuses: 'OOM: raise maxmemory' });
  await header.getByRole('link', { name: /^Writes refused/ }).click();
  await holds(page, '/The registry refuses writes/.test(document.activeElement.textContent)');
  await hear(page, { type: 'registry', at: Date.now(), up: false });
  await header.getByRole('link', { name: /^Registry down/ }).click();
  await holds(page, '/cannot reach its registry/.test(document.activeElement.textContent)');
  await hear(page, { type: 'registry', at: Date.now(), up: true });

  await page.route('**/v1/environments/production', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as { status: object };
    await route.fulfill({ response, json: { ...answer, status: { ...answer.status, listening: null } } });
  });
  await hear(page, { type: 'environment', at: Date.now(), name: 'production' });
  await header.getByRole('link', { name: /^Listener closed: production/ }).click();
  await holds(page, 'document.activeElement.dataset.environment === "production"');
  await page.getByRole('navigation', { name: 'Environments to look at first' }).getByText('listener closed').waitFor();
  await page.unroute('**/v1/environments/production');
  const acme = {
    renewal: Date.UTC(2030, 0, 1),
    failure: { at: 0, attempts: 2, reason: 'the authority is away', next: Date.UTC(2029, 11, 31) },
  };
  await page.route('**/v1/environments/production', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as { status: object };
    const until = Date.now() + 3 * 86_400_000;
    const certificates = [
      { certificate: 'a.example', names: ['a.example'], until: Date.UTC(2030, 1, 1), acme },
      { certificate: 'soon.pem', names: ['soon.example'], until },
      { certificate: 'cut.pem', names: ['cut.example'], until, fault: 'cut.pem holds no certificate' },
      { certificate: 'good.pem', names: ['good.example'], until: until + 30 * 86_400_000 },
      { certificate: 'list.crl', names: [], until, revoked: 12 },
      { certificate: 'late.crl', names: [], until: 0, revoked: 2, fault: 'late.crl is out of date' },
    ];
    await route.fulfill({ response, json: { ...answer, status: { ...answer.status, certificates } } });
  });
  const soon = { certificate: 'control.pem', names: [], until: Date.now() + 3.5 * 86_400_000 };
  await page.route('**/v1/control', (route) => route.fulfill({ json: { certificate: soon } }));
  await hear(page, { type: 'environment', at: Date.now(), name: 'production' });
  await page.locator('.banner', { hasText: 'Control address: certificate control.pem expires in 3 days: renew it.' }).waitFor();
  await page.route('**/v1/control', (route) => route.fulfill({ json: { certificate: null } }));
  await header.getByRole('link', { name: /^No new certificate: production: no new certificate for a.example/ }).waitFor();
  await page.locator('.chip', { hasText: 'a.example' }).getByText('next attempt 2029-12-31 00:00Z · the authority is away').waitFor();
  await page.locator('.chip.tone-warn', { hasText: /soon\.pem.*valid until .*renew it/ }).waitFor();
  await page.locator('.chip.tone-bad', { hasText: /cut\.pem.*valid until .*cut\.pem holds no certificate/ }).waitFor();
  await page.locator('.chip.tone-good', { hasText: /good\.pem.*valid until / }).waitFor();
  await page.locator('.chip.tone-good', { hasText: /list\.crl.*12 revoked.*next due / }).waitFor();
  await page.locator('.chip.tone-bad', { hasText: /late\.crl.*2 revoked.*late\.crl is out of date/ }).waitFor();
  const server = (await balancer.api('GET', '/v1/servers/prod-1')) as ServerAnswer;
  const ownCertificate = { certificate: 'gw.pem', until: 0 };
  await hear(page, { type: 'membership', at: Date.now(), server: { ...server, ownCertificate } });
  await page.getByText('certificate gw.pem has expired: clients refuse it; renew it').waitFor();
  await hear(page, { type: 'membership', at: Date.now(), server });
  await page.unroute('**/v1/environments/production');
  await hear(page, { type: 'environment', at: Date.now(), name: 'production' });
  await header.getByRole('link', { name: /^1 server down/ }).waitFor();
  t.same(complaints, []);
});

test('where servers reject a revision, the page says what really runs', async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  const reject = (revision: number) => (revision > 1 ? 'no such policy' : undefined);
  for (const id of ['prod-1', 'prod-2']) await startRejectingServer(t, id, balancer.control, ({ revision }) => reject(revision));
  await balancer.api('POST', '/v1/projects', echoProject(target.url, '1'));
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
  await serving(balancer, ['prod-1', 'prod-2']);
  const { page } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  const row = (revision: number) => page.getByRole('row', { name: new RegExp(`^${revision} `) });
  await row(1).getByRole('cell', { name: 'production', exact: true }).waitFor();

  await balancer.api('POST', '/v1/projects', echoProject(target.url, '2'));
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
  await row(2).getByRole('cell', { name: 'production rejected by 2 of 2', exact: true }).waitFor();
  await row(1).getByRole('cell', { name: 'production on 2 of 2 instead', exact: true }).waitFor();
  const deployment = page.locator('.deployment', { hasText: 'production' });
  await deployment.getByText('rejected by 2 of 2').waitFor();
  await deployment.getByText('revision 1 runs there').waitFor();
  await page.getByRole('button', { name: 'Deploy echo', exact: true }).click();
  await page.getByRole('dialog').getByText('revision 2 rejected by 2 of 2: revision 1 runs there').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page.locator('.chip', { hasText: 'echo' }).getByText('2 rejected · revision 1 runs there').waitFor();
  t.pass('in every view');
});
