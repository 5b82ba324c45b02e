import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { Load } from '../tools/load.ts';
import { adminToken, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { startBrowser } from './browser.ts';

test('a restart of the balancer is shown at once, without stale figures, and the page reconnects', async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['prod-1']);
  const { page, context } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  const load = new Load(balancer.address, '/echo/', { clients: 2, restMs: 10 });
  t.teardown(() => load.stop());
  const rate = page.locator('.metric-lead dd');
  await page.locator('.share-figures b', { hasText: '100%' }).waitFor();
  t.match(await rate.textContent(), /^[\d.,]+k?\/s$/);
  await load.stop();

  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  await page.getByText('No connection to the balancer since').waitFor();
  await page.getByText('Reconnecting…').waitFor();
  t.equal(await rate.textContent(), '–/s', 'an old figure is not shown as a current one');
  t.equal(await page.locator('[data-server=prod-1] .server-share').textContent(), '–');
  await audit(t, page, 'no-connection');
  const again = await balancer.again();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('The balancer was restarted: its counts start from zero.').waitFor();
  t.equal(await page.getByText('No connection to the balancer since').count(), 0);
  await page.locator('[data-server=prod-1]').getByText('Ready').waitFor();
  t.match(await rate.textContent(), /^[\d.]+\/s$/, 'still signed in');
  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await page.getByText('balancer started').nth(1).waitFor();
  await page.getByText('echo revision 1 deployed').waitFor();
  t.pass('activity from before the restart is shown');

  const session = (await context.cookies(`${again.control}/v1/session`)).find(({ name }) => name.startsWith('sluice-session'));
  t.match(session, { httpOnly: true, sameSite: 'Strict', path: '/v1/' });
  await context.clearCookies();
  await page.evaluate("fetch('/v1/session', { method: 'DELETE' })");
  await page.reload();
  await page.getByLabel('Admin token').waitFor();
});

test('the end of a session is explained; token guessing is slowed down, and the right token works after a pause', async (t) => {
  const balancer = await startBalancer(t);
  const { page, context } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const second = await context.newPage();
  await second.goto(balancer.control);
  await second.getByText('Live', { exact: true }).waitFor();
  await second.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You were signed out: in another window').waitFor();

  const guess =
    'Promise.all(Array.from({ length: 21 }, (_, index) => fetch("/v1/session", { method: "POST", headers: { authorization: `Bearer guess-number-${index}` } })))';
  await page.evaluate(guess);
  await page.getByLabel('Admin token').fill('one-more-guess');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Too many wrong tokens came from your address.').waitFor();
  await page.getByRole('button', { name: /^Try again in \d s$/ }).waitFor();
  await audit(t, page, 'throttled');
  await page.getByLabel('Admin token').fill(adminToken);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('region', { name: 'Environment production' }).waitFor();
});

test('an unreachable registry and a session about to end are shown in banners', async (t) => {
  const balancer = await startBalancer(t);
  const { page } = await startBrowser(t);
  // Feed messages are injected: the embedded registry of this balancer cannot be made unreachable.
  await page.addInitScript(`const Own = WebSocket; window.WebSocket = class extends Own {
    set onmessage(listener) { this.addEventListener('message', listener); window.hear = (data) => listener({ data: JSON.stringify(data) }); }
  }`);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.evaluate("window.hear({ type: 'registry', at: Date.now(), up: false })");
  await page.getByText('The balancer cannot reach its registry.').waitFor();
  await page.evaluate("window.hear({ type: 'registry', at: Date.now(), up: true })");
  await page.getByText('The balancer cannot reach its registry.').waitFor({ state: 'detached' });
  await page.evaluate(
    "window.hear({ type: 'welcome', at: 0, instance: 'x', version: '1', registry: true, sessionEnds: Date.now() + 60000 })",
  );
  await page.getByText('Your session ends at').waitFor();
});
