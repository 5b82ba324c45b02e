import { test } from 'tap';
import { WebSocket } from 'ws';
import { eventually } from '../tools/eventually.ts';
import { adminToken, joinToken, startBalancer, testEnvironment } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { startBrowser } from './browser.ts';

/** Numbers of environments and servers, from SLUICE_TEST_FLEET if set. */
const [environmentCount = 60, serverCount = 240] = (process.env['SLUICE_TEST_FLEET'] ?? '').split(',').filter(Boolean).map(Number);

/** A name whose alphabetical order is its numerical order. */
const numbered = (word: string, index: number) => `${word}-${String(index).padStart(4, '0')}`;

test('with hundreds of servers in dozens of environments the page stays small, and filters find everything', async (t) => {
  const quiet = { ...testEnvironment, health: 'off' };
  const names = Array.from({ length: environmentCount }, (_, index) => numbered('team', index));
  const others = Object.fromEntries(names.slice(1).map((name) => [name, { ...quiet, hosts: [`${name}.test`] }]));
  const balancer = await startBalancer(t, {}, { production: quiet, ...others });
  const register = async (id: string, environment: string | undefined) => {
    const response = await fetch(`${balancer.control}/v1/register/${id}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${joinToken}`, 'content-type': 'application/json' },
      // Nothing listens at this address, and nothing connects to it: health checks are off.
      body: JSON.stringify({ address: '127.0.0.1:9', ttl: '10m', ...(environment !== undefined && { environment }) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${id}: ${text}`);
  };
  // Half of the servers are in production, the last 20 are available, the others are spread over the other environments.
  const environmentOf = (index: number) => (index < serverCount / 2 ? 'production' : names[1 + (index % (environmentCount - 1))]);
  const waiting = Array.from({ length: serverCount }, (_, index) => index);
  const registrar = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      await register(numbered('server', index), index >= serverCount - 20 ? undefined : environmentOf(index));
    }
  };
  await Promise.all(Array.from({ length: 20 }, registrar));

  const { page, complaints } = await startBrowser(t);
  const begun = performance.now();
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText(`${environmentCount} environments · ${serverCount} servers`).waitFor();
  t.comment(`shown after ${Math.round(performance.now() - begun)} ms`);
  await page.getByRole('region', { name: 'Environment production' }).waitFor();
  const elements = (await page.evaluate("document.querySelectorAll('*').length")) as number;
  t.ok(elements < 2000, `${elements} elements`);

  const search = page.getByRole('searchbox', { name: 'Filter environments, hosts, servers' });
  await search.fill('team-0050');
  await page.getByRole('region', { name: 'Environment team-0050' }).waitFor();
  t.equal(await page.locator('[data-environment]').count(), 1);
  await search.fill('server-0077');
  const production = page.getByRole('region', { name: 'Environment production' });
  await production.getByRole('button').click();
  await production.locator('[data-server=server-0077]').waitFor();
  t.equal(await production.locator('[data-server]').count(), 1);
  await production.getByRole('searchbox').fill('');
  t.equal(await production.locator('[data-server]').count(), 12, 'only the first servers are shown');
  await audit(t, page, 'fleet');
  await production.getByRole('button', { name: `Show 50 more of ${serverCount / 2} servers` }).click();
  t.equal(await production.locator('[data-server]').count(), 62);

  const last = numbered('server', serverCount - 1);
  await page.getByRole('searchbox', { name: 'Filter available servers' }).fill(last);
  await page.getByRole('button', { name: `Add to an environment: ${last}` }).click();
  await page.getByRole('dialog').getByRole('searchbox').fill('team-0007');
  await page.getByRole('radio', { name: /^team-0007/ }).check();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await search.fill('team-0007');
  await page.getByRole('region', { name: 'Environment team-0007' }).getByRole('button').click();
  await page.locator(`[data-environment=team-0007] [data-server=${last}]`).waitFor();

  // The size of the live feed per second while the fleet is idle.
  const feed = new WebSocket(`${balancer.control.replace('http', 'ws')}/v1/events`, { headers: { authorization: `Bearer ${adminToken}` } });
  t.teardown(() => feed.terminate());
  let [bytes, seconds] = [0, 0];
  feed.on('message', (data) => {
    if (seconds > 0) bytes += String(data).length;
    if (JSON.parse(String(data)).type === 'traffic') seconds++;
  });
  await eventually(
    () => seconds,
    (count) => count >= 4,
    { what: 'four messages of traffic on the live feed' },
  );
  t.ok(bytes / seconds < 5000, `${Math.round(bytes / seconds)} bytes a second`);
  t.same(complaints, []);
});
