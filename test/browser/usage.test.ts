import type { Page } from 'playwright-core';
import { test } from 'tap';
import type { EnvironmentAnswer } from '../../src/api/answers.ts';
import type { UsageAnswer, UsageFigures } from '../../src/api/usage-answers.ts';
import { startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { startBrowser } from './browser.ts';
import { fitsEverywhere } from './layout.ts';

const long = (word: string) => `${word}${'w'.repeat(63 - word.length)}`;

function figures(requests: number, refused = 0, failed = 0): UsageFigures {
  return { requests, refused, failed, perSecond: requests / 60, p50: 1.5, p95: 18, p99: 1200 };
}

/** What `GET /v1/usage` is answered with. */
function usageOf(environment: string, more: Partial<UsageAnswer> = {}): UsageAnswer {
  const servers = { asked: 3, answered: 2, silent: [long('gw')], unsupported: ['old-1'] };
  return { environment, since: Date.now() - 86_400_000, servers, projects: [], consumers: [], consumersLeftOff: 0, down: [], ...more };
}

/** Answers the page's readings of counts; `refused` makes them fail. Returns their queries. */
async function mockUsage(page: Page, answer: (query: URLSearchParams) => UsageAnswer | 'offline' | 'forbidden'): Promise<string[]> {
  const asked: string[] = [];
  await page.route('**/v1/usage?**', (route) => {
    const { searchParams } = new URL(route.request().url());
    asked.push(String(searchParams));
    const given = answer(searchParams);
    if (given === 'offline') return route.abort();
    if (given === 'forbidden') return route.fulfill({ status: 403, json: { status: 403, detail: 'this token may not read counts' } });
    return route.fulfill({ json: given });
  });
  return asked;
}

/** The texts of a column of a table. */
async function column(page: Page, table: string, number: number): Promise<string[]> {
  return page.getByRole('table', { name: table }).locator(`tbody tr > :nth-child(${number})`).allTextContents();
}

test('counts of projects and callers: tables, sorting, links, silent servers, faults, long names', async (t) => {
  const balancer = await startBalancer(t, {}, { development: { ...testEnvironment, hosts: ['development.test'] } });
  const target = await startTarget(t);
  const odd = long('project');
  for (const name of ['shop', odd])
    await balancer.api('POST', '/v1/projects', { name, basePath: `/${name}`, targets: { default: { url: target.url } } });
  for (const name of ['shop', odd]) await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, {});
  await balancer.api('PUT', '/v1/consumers/anna', {});
  await balancer.api('PUT', '/v1/products/gold', { projects: ['shop'], limit: '100/s' });
  const { page, complaints } = await startBrowser(t);
  let state: 'counts' | 'empty' | 'offline' | 'forbidden' = 'counts';
  const asked = await mockUsage(page, (query) => {
    if (state === 'offline' || state === 'forbidden') return state;
    const environment = query.get('environment') ?? '';
    if (state === 'empty') return usageOf(environment, { since: null, servers: { asked: 0, answered: 0, silent: [], unsupported: [] } });
    const project = query.get('project');
    const url = 'http://10.0.0.7:8080';
    const parts = {
      routes: [
        { resource: '/cart', ...figures(300, 2, 9) },
        { resource: `/${'p'.repeat(120)}`, ...figures(12_000) },
        { resource: '', ...figures(7, 7) },
      ],
      targets: [
        {
          target: 'default',
          ...figures(12_300, 0, 9),
          urls: [
            { url: 'http://10.0.0.6:8080', up: true, downOn: 0 },
            { url, up: false, reason: 'no answer in 5s', downOn: 2 },
          ],
        },
        { target: 'spare', ...figures(0), urls: [{ url: 'http://10.0.0.8:8080', up: null, downOn: 0 }] },
      ],
      policies: [
        { policy: 'apiKey', refused: 2 },
        { policy: 'rateLimit', refused: 7 },
      ],
    };
    const rows = [
      { consumer: 'anna', project: 'shop', ...figures(900, 1), lastSeen: Date.now() - 1000 },
      { consumer: long('bert'), project: odd, ...figures(100, 90), lastSeen: Date.now() - 90_000_000 },
      { consumer: '', project: 'shop', ...figures(5), lastSeen: null },
    ];
    return usageOf(environment, {
      projects: project === 'shop' ? [{ project, ...figures(12_307, 9, 9), ...parts }] : [],
      consumers: rows.filter(
        (row) => (project === null || row.project === project) && [null, row.consumer].includes(query.get('consumer')),
      ),
      consumersLeftOff: project === null ? 44 : 0,
    });
  });
  await page.route('**/v1/environments/production', async (route) => {
    const answer = (await (await route.fetch()).json()) as EnvironmentAnswer;
    const url = { project: 'shop', target: 'default', url: 'http://10.0.0.7:8080', reason: 'no answer in 5s', downOn: 2 };
    await route.fulfill({ json: { ...answer, status: { ...answer.status, targetsDown: [url] } } });
  });
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();

  await page.getByRole('link', { name: /^Target down: shop: target http:\/\/10\.0\.0\.7:8080 is down in production/ }).click();
  const traffic = page.getByRole('region', { name: 'Traffic of shop' });
  await traffic.getByRole('table', { name: 'Routes' }).waitFor();
  t.match(page.url(), /#project\/shop\/production$/);
  t.equal(await page.getByRole('navigation', { name: 'Views' }).locator('[aria-current]').textContent(), 'Projects');
  await traffic.getByText(`counted by 2 of 3 servers. 1 server of other makes does not count.`).waitFor();
  await traffic.getByText(`${long('gw')}: its counts are missing.`).waitFor();
  await traffic.getByText('down on 2 servers').waitFor();
  await traffic.getByText('no answer in 5s').waitFor();
  t.same(await column(page, 'Routes', 2), ['12k', '300', '7']);
  await traffic.getByRole('table', { name: 'Routes' }).getByRole('button', { name: 'Failed' }).click();
  t.same(await column(page, 'Routes', 5), ['9 3%', '0', '0']);
  t.equal(await traffic.getByRole('columnheader', { name: 'Failed' }).first().getAttribute('aria-sort'), 'descending');
  t.same(
    await traffic
      .getByRole('listitem')
      .filter({ hasText: /^(apiKey|rateLimit)/ })
      .allTextContents(),
    ['rateLimit 7 <0.1%', 'apiKey 2 <0.1%'],
  );
  t.match(await column(page, 'Callers of shop', 1), ['anna', 'others']);
  await page.getByRole('region', { name: 'Products with shop' }).getByText('gold').waitFor();
  await page.getByRole('region', { name: 'Project shop' }).getByText('latest revision 1').waitFor();
  await audit(t, page, 'project-page');
  await fitsEverywhere(t, page, 'project-page');
  const show = (visible: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { get: () => ${!visible}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
    );
  const more = (than: number) =>
    eventually(
      () => asked.length,
      (count) => count > than,
      { what: 'another reading' },
    );
  await page.clock.install();
  // Its pause is counted by the clock of the test.
  await more(asked.length);
  await show(false);
  const whileHidden = asked.length;
  await page.clock.runFor(60_000);
  t.equal(asked.length, whileHidden, 'nothing is read while the page is hidden');
  await show(true);
  await more(whileHidden);
  await page.clock.runFor(6000);

  state = 'offline';
  await traffic.getByText('The figures are not renewed: The balancer does not answer.').waitFor();
  t.same(await column(page, 'Callers of shop', 2), ['900', '5'], 'the old figures stay, and are said to be old');
  state = 'forbidden';
  await traffic.getByText('The figures are not renewed: this token may not read counts.').waitFor();
  state = 'counts';

  await page.getByRole('table', { name: 'Callers of shop' }).getByRole('link', { name: 'anna' }).click();
  const anna = page.getByRole('region', { name: 'Consumer anna' });
  t.match(await anna.getByRole('table', { name: 'Calls of anna' }).locator('tbody').textContent(), /^shop900/);
  await page.getByRole('table', { name: 'Calls of consumers' }).waitFor();
  t.match(await column(page, 'Calls of consumers', 1), ['anna', long('bert'), 'others']);
  await page.getByRole('table', { name: 'Calls of consumers' }).getByRole('button', { name: 'Refused' }).click();
  t.match(await column(page, 'Calls of consumers', 5), ['90 90%', '1 0.1%', '0']);
  await page.getByText('The busiest 3 are shown, 44 more are not').waitFor();
  await audit(t, page, 'callers-usage');
  await fitsEverywhere(t, page, 'callers-usage');
  await page.getByRole('region', { name: 'Product gold' }).getByRole('link', { name: 'shop' }).click();
  await traffic.getByRole('table', { name: 'Routes' }).waitFor();

  state = 'empty';
  await page.getByRole('combobox', { name: 'Environment' }).selectOption('development');
  await traffic.getByText('No server counts yet: the environment has none that is ready.').waitFor();
  await traffic.getByText('It is not deployed in development.').waitFor();
  t.ok(await traffic.getByRole('button', { name: 'Empty the cache…' }).isDisabled());
  await page.goto(`${balancer.control}/#project/nothing`);
  await page.getByText('There is no project “nothing”. It may have been deleted.').waitFor();
  await page.goto(`${balancer.control}/#project/${odd}`);
  await page.getByRole('region', { name: `Traffic of ${odd}` }).waitFor();
  await fitsEverywhere(t, page, 'project-page-long');
  t.same(
    complaints.filter((text) => !/403|ERR_FAILED/.test(text)),
    [],
  );
});

test('counts of real traffic are shown, and a cache is emptied, in the page of a project', async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  await startGateway(t, 'gw-1', balancer.control);
  await balancer.api('POST', '/v1/projects', {
    name: 'shop',
    basePath: '/shop',
    targets: { default: { urls: [{ url: target.url }, { url: 'http://127.0.0.1:9' }], health: { interval: '100ms', path: '/' } } },
    resources: [{ path: '/cart' }, { path: '/old', childPaths: true }],
    policies: { proxyRequest: [{ apiKey: { header: 'x-api-key', consumers: true } }, { cache: { ttl: '1h', authorized: true } }] },
  });
  await balancer.api('PUT', '/v1/environments/production/deployments/shop', {});
  await balancer.api('PUT', '/v1/consumers/anna', {});
  const { key } = (await balancer.api('POST', '/v1/consumers/anna/keys', {})) as { key: string };
  await serving(balancer, ['gw-1']);
  const ask = (headers = {}) => fetch(`http://${balancer.address}/shop/cart`, { headers });
  await eventually(
    async () => (await ask({ 'x-api-key': key })).status,
    (status) => status === 200,
    { what: 'the key to be known' },
  );
  t.match((await ask({ 'x-api-key': key })).headers.get('cache-status'), /hit/);
  for (let count = 0; count < 5; count++) t.equal((await ask()).status, 401);
  const counted = await eventually(
    async () => ((await balancer.api('GET', '/v1/usage?environment=production&project=shop')) as UsageAnswer).projects[0],
    (found) => found !== undefined && found.requests - found.refused >= 2,
    { what: 'the requests to be counted' },
  );
  const refused = counted?.refused ?? 0;
  t.ok(refused >= 5, `${refused} refusals`);

  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('link', { name: /^Target down: shop: target http:\/\/127\.0\.0\.1:9 is down in production/ }).click();
  const traffic = page.getByRole('region', { name: 'Traffic of shop' });
  await traffic.getByText('counted by 1 of 1 server.').waitFor();
  await traffic.getByText('down on 1 server', { exact: true }).waitFor();
  const cart = traffic.getByRole('table', { name: 'Routes' }).getByRole('row', { name: /^\/cart/ });
  await cart.waitFor();
  t.match(await cart.textContent(), new RegExp(`s${refused} \\d+%`), 'refusals of the route');
  await traffic
    .getByRole('listitem')
    .filter({ hasText: new RegExp(`^apiKey ${refused} `) })
    .waitFor();
  await traffic.getByRole('table', { name: 'Callers of shop' }).getByRole('link', { name: 'anna' }).waitFor();

  await traffic.getByRole('button', { name: 'Empty the cache…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Path').fill('cart');
  await dialog.getByRole('button', { name: 'Empty the cache' }).click();
  await dialog.getByText(/path: must begin with "\/"/).waitFor();
  await audit(t, page, 'purge');
  t.match((await ask({ 'x-api-key': key })).headers.get('cache-status'), /hit/);
  await dialog.getByLabel('Path').fill('/shop/*');
  await dialog.getByRole('button', { name: 'Empty the cache' }).click();
  await page.getByText('Stored responses of shop are removed in production').waitFor();
  await eventually(
    async () => (await ask({ 'x-api-key': key })).headers.get('cache-status') ?? '',
    (status) => /fwd/.test(status),
    { what: 'the response to be removed' },
  );
  t.same(
    complaints.filter((text) => !text.includes('422')),
    [],
  );
});
