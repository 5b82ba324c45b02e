import { type Test, test } from 'tap';
import { stringify } from 'yaml';
import type { RevisionAnswer } from '../../src/api/answers.ts';
import type { ConsumerAnswer, ProductAnswer } from '../../src/api/caller-answers.ts';
import { adminToken, type BalancerUnderTest, startBalancer } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { type Browser, startBrowser } from './browser.ts';
import { fitsEverywhere } from './layout.ts';

test('callers and policies in the dashboard', async (t) => {
  const balancer = await startBalancer(t);
  const browser = await startBrowser(t);
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await browser.page.goto(`${balancer.control}/#token=${adminToken}`);
  await t.test('consumers and products: search, keys, subscriptions', (t) => manageCallers(t, balancer, browser));
  await t.test('what a revision holds, what its policies decide of a request, and an edit', (t) => readAndEdit(t, balancer, browser));
  t.same(
    browser.complaints.filter((text) => !/412|422/.test(text)),
    [],
  );
});

async function manageCallers(t: Test, balancer: BalancerUnderTest, { page }: Browser): Promise<void> {
  const numbers = Array.from({ length: 60 }, (_, index) => `app-${String(index).padStart(2, '0')}`);
  await Promise.all(numbers.map((name) => balancer.api('PUT', `/v1/consumers/${name}`, {})));
  const consumer = async (name: string) => (await balancer.api('GET', `/v1/consumers/${name}`)) as ConsumerAnswer;
  await page.getByRole('navigation').getByRole('link', { name: 'Consumers' }).click();
  await page.getByText('The first 50 are shown').waitFor();
  t.equal(await page.locator('[data-consumer]').count(), 50);
  await page.getByRole('searchbox', { name: 'Search consumers' }).fill('APP-59');
  await page.getByRole('region', { name: 'Consumer app-59' }).waitFor();
  await page.getByText('1 consumer with “APP-59”').waitFor();
  t.equal(await page.locator('[data-consumer]').count(), 1);

  const create = async (name: string) => {
    await page.getByRole('button', { name: 'New consumer' }).click();
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Create consumer' }).click();
  };
  await create('app-01');
  await page.getByText('There is a consumer "app-01" already').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await create('anna');
  await page.getByText('anna created').waitFor();
  await page.getByRole('searchbox', { name: 'Search consumers' }).fill('anna');
  const anna = page.getByRole('region', { name: 'Consumer anna' });
  await anna.getByText('None, so it cannot call anything').waitFor();

  const makeKey = async (id: string, expires: string) => {
    await anna.getByRole('button', { name: 'Make a key for anna' }).click();
    await page.getByLabel('Expires').fill(expires);
    await page.getByLabel('Id', { exact: true }).fill(id);
    await page.getByRole('button', { name: 'Make the key' }).click();
  };
  await makeKey('spring', 'soon');
  await page.getByText(/^expires: /).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await makeKey('spring', '3d');
  const made = page.getByRole('dialog', { name: 'Key spring of anna' });
  const key = (await made.locator('code').textContent()) ?? '';
  t.match(key, /^sluice_[\w-]{43}$/);
  await made.getByRole('button', { name: 'Copy the key' }).click();
  await made.getByText('Copied').waitFor();
  t.equal(await page.evaluate('navigator.clipboard.readText()'), key);
  await made.getByRole('button', { name: 'Done' }).click();
  t.notOk((await page.content()).includes(key), 'the key is not shown again');
  await anna.getByText('in 2 days').waitFor();
  await makeKey('', '');
  await page.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('button', { name: 'New product' }).click();
  await page.getByLabel('Name').fill('gold');
  await page.getByLabel('Projects').fill('shop, pay');
  await page.getByLabel('Limit').fill('fast');
  await page.getByRole('button', { name: 'Create product' }).click();
  await page.getByText(/^limit: must be/).waitFor();
  await page.getByLabel('Limit').fill('100/s');
  await page.getByRole('button', { name: 'Create product' }).click();
  const gold = page.getByRole('region', { name: 'Product gold' });
  await gold.getByText('limit 100/s · quota none').waitFor();
  await anna.getByRole('button', { name: 'Subscribe anna to gold' }).click();
  await anna.getByRole('button', { name: 'End the subscription of anna to gold' }).waitFor();
  t.same((await consumer('anna')).products, ['gold']);
  await gold.getByRole('button', { name: 'Subscribers of gold' }).click();
  await gold.getByRole('link', { name: 'anna' }).waitFor();
  await audit(t, page, 'consumers');
  await fitsEverywhere(t, page, 'consumers');

  await page.getByRole('searchbox', { name: 'Search consumers' }).fill('app');
  await anna.waitFor({ state: 'detached' });
  await gold.getByRole('link', { name: 'anna' }).click();
  await page.locator('[data-consumer=anna]:focus').waitFor();

  await anna.getByRole('button', { name: 'Revoke key spring of anna' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await anna.getByText('in 2 days').waitFor({ state: 'detached' });
  t.same(
    (await consumer('anna')).keys.map(({ expires }) => expires),
    [null],
  );

  await gold.getByRole('button', { name: 'Actions for product gold' }).click();
  await gold.getByRole('button', { name: 'Change…' }).click();
  await page.getByLabel('Quota').fill('10000/day');
  await balancer.api('PUT', '/v1/products/gold', { projects: ['shop'], limit: '5/s' });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.locator('[name=limit][value="5/s"]').waitFor();
  await page.getByLabel('Quota').fill('9/day');
  await page.getByRole('button', { name: 'Save' }).click();
  await gold.getByText('limit 5/s · quota 9/day').waitFor();
  t.match((await balancer.api('GET', '/v1/products/gold')) as ProductAnswer, { projects: ['shop'], limit: '5/s', quota: '9/day' });

  await gold.getByRole('button', { name: 'End the subscription to gold of anna' }).click();
  await gold.getByText('None: subscribe a consumer in its card.').waitFor();
  await anna.getByRole('button', { name: 'Subscribe anna to gold' }).click();
  await gold.getByRole('link', { name: 'anna' }).waitFor();
  await gold.getByRole('button', { name: 'Actions for product gold' }).click();
  await gold.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete gold' }).click();
  await page.getByText('There are no products yet.').waitFor();
  t.same((await consumer('anna')).products, []);
  await anna.getByRole('button', { name: 'Actions for consumer anna' }).click();
  await anna.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete anna' }).click();
  await page.getByText('No consumer matches “anna”.').waitFor();
  await t.rejects(consumer('anna'), /404|not-found|no consumer/);
}

async function readAndEdit(t: Test, balancer: BalancerUnderTest, { page }: Browser): Promise<void> {
  const target = 'http://127.0.0.1:9';
  const project = {
    name: 'shop',
    basePath: '/shop',
    targets: { default: { url: target, failover: 'spare' }, spare: { urls: [{ url: target, weight: 3 }] } },
    policies: { proxyRequest: [{ apiKey: { keys: ['secret'] } }], proxyResponse: [{ headers: { remove: ['server'] } }] },
    resources: [
      { path: '/cart', methods: ['GET'], policies: { targetRequest: [{ headers: { set: { 'x-cart': 'yes' } } }] } },
      { path: '/old', target: 'spare', policies: { proxyRequest: [{ redirect: { to: '/shop/cart' } }] } },
    ],
  };
  await balancer.api('POST', '/v1/projects', project);
  await balancer.api('PUT', '/v1/environments/production/deployments/shop', {});
  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  const shop = page.getByRole('region', { name: 'Project shop' });
  // The buttons move down once the deployment is shown above them.
  await shop.getByRole('button', { name: 'Undeploy shop from production' }).waitFor();
  await shop.getByRole('button', { name: 'Show revision 1' }).click();
  const dialog = page.getByRole('dialog');
  const resources = dialog.getByRole('region', { name: 'Resources' });
  const chain = (path: string) =>
    resources
      .getByRole('list', { name: `Chain of ${path}` })
      .getByRole('listitem')
      .allTextContents();
  await resources.waitFor();
  t.same(await chain('/cart'), ['apiKey proxyRequest', 'headers targetRequest', 'target default', 'headers proxyResponse']);
  t.same(await chain('/old'), ['apiKey proxyRequest', 'redirect proxyRequest', 'target spare', 'headers proxyResponse']);
  await dialog.getByText('http://127.0.0.1:9 (weight 3)').waitFor();
  await dialog.getByText('remove: [server]').waitFor();
  await audit(t, page, 'revision');
  await page.keyboard.press('Escape');

  await shop.getByRole('button', { name: 'Actions for project shop' }).click();
  await shop.getByRole('button', { name: 'Test a request…' }).click();
  const decisions = dialog.getByRole('list', { name: 'Decisions' }).getByRole('listitem');
  const ask = async (url: string, fields: string) => {
    await page.getByLabel('Path or URL').fill(url);
    await page.getByLabel('Header fields, one a line').fill(fields);
    await dialog.getByRole('button', { name: 'Test', exact: true }).click();
  };
  await ask('/shop/cart', 'x-api-key');
  await dialog.getByText('Header fields, line 1: must be "name: value".').waitFor();
  await ask('/shop/cart', '');
  await dialog.getByText('Answered here:').waitFor();
  t.match(await decisions.allTextContents(), [/^apiKey proxyRequest 401/, /^headers targetRequest not reached/]);
  await ask('/shop/cart', 'x-api-key: secret');
  await dialog.getByText('Forwarded:').waitFor();
  t.match(await decisions.allTextContents(), [/passes/, /passes.*x-cart/, /acts on the target's response/]);
  await dialog.getByText(`${target}/cart`).waitFor();
  t.match(await dialog.getByRole('list', { name: 'Header fields' }).textContent(), /x-cart: /, 'the fields that the target would get');
  await dialog.getByText('No server takes requests now, so clients get 503.').waitFor();
  await dialog.getByText('Settings of headers').first().click();
  await dialog.locator('code', { hasText: 'x-cart' }).first().waitFor();
  await audit(t, page, 'tester');
  await ask('/elsewhere', '');
  await dialog.getByText('No project has this path.').waitFor();
  await page.keyboard.press('Escape');

  const edit = async () => {
    await shop.getByRole('button', { name: 'Actions for project shop' }).click();
    await shop.getByRole('button', { name: 'Edit as a new revision…' }).click();
    await page.locator('.cm-line', { hasText: 'name: shop' }).waitFor();
  };
  const text = page.getByLabel('Project (YAML or JSON)');
  await edit();
  await dialog.getByRole('button', { name: 'Push', exact: true }).click();
  await page.getByText('shop is at revision 1').waitFor();
  /** Replaces the text as a user does: the browser's own replacement of several lines would leave inline styles, which are refused. */
  const write = async (content: string) => {
    await text.press('Control+A');
    await text.press('Delete');
    await page.keyboard.insertText(content);
  };
  await edit();
  // Not what the editor shows: it draws as many lines as are in sight.
  const present = stringify(project);
  await write(present.replace('path: /old', 'path: old'));
  await dialog.getByRole('button', { name: 'Push', exact: true }).click();
  await dialog.getByText(/^Line \d+: resources.1.path: must be a path/).waitFor();
  t.equal(
    await page.evaluate('document.activeElement.shadowRoot.getSelection().toString()'),
    '  - path: old',
    'the line with the fault is selected',
  );
  await balancer.api('POST', '/v1/projects', { name: 'shop', basePath: '/shop', targets: { default: { url: target } } });
  await write(present.replace('path: /old', 'path: /older'));
  // The list of faults above the button goes with this check.
  await dialog.getByText(/^No faults\./).waitFor();
  await shop.getByText('latest revision 2').waitFor();
  await dialog.getByRole('button', { name: 'Push', exact: true }).click();
  await dialog.getByRole('button', { name: 'Look again' }).click();
  await dialog.getByText('The newest revision is 2: this text does not have its changes.').waitFor();
  await dialog.getByRole('button', { name: 'Push', exact: true }).click();
  await shop.getByText('latest revision 3').waitFor();
  const pushed = (await balancer.api('GET', '/v1/projects/shop/revisions/3')) as RevisionAnswer;
  t.match(pushed.project.resources, [{ path: '/cart' }, { path: '/older', target: 'spare' }]);
}
