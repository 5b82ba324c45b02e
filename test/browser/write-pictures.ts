import { fileURLToPath } from 'node:url';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { Scope } from '../tools/owner.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { root } from '../tools/source-files.ts';
import { resizeWindow, sizes, startBrowser, untilDrawn } from './browser.ts';

// Makes the pictures in docs/images: real servers and real traffic, for as long as the charts take to fill.

/** The parts of the project that the pictures show closely. */
function shop(url: string) {
  return {
    targets: { default: { url, health: { path: '/health', interval: '1s' } } },
    resources: [
      {
        path: '/orders',
        childPaths: true,
        policies: { proxyRequest: [{ apiKey: { header: 'x-api-key', consumers: true } }, { rateLimit: { limit: 30, window: '1m' } }] },
      },
      { path: '/', childPaths: true },
    ],
  };
}

/** Seconds of traffic in the charts. */
const seconds = 75;
const scope = new Scope();
const images = fileURLToPath(new URL('docs/images/', root));
try {
  const balancer = await startBalancer(
    scope,
    {},
    {
      development: { ...testEnvironment, hosts: ['development.test'] },
      staging: { ...testEnvironment, hosts: ['staging.test'], servers: [{ id: 'old-1', address: '127.0.0.1:9' }] },
    },
  );
  const target = await startTarget(scope);
  const places = { 'gw-1': 'production', 'gw-2': 'production', 'gw-3': 'production', 'dev-1': 'development', 'stage-1': 'staging' };
  for (const [id, environment] of Object.entries(places)) await startGateway(scope, id, balancer.control, ['--environment', environment]);
  await startGateway(scope, 'spare-1', balancer.control, []);
  for (const name of ['payments', 'search', 'shop']) {
    await balancer.api('POST', '/v1/projects', {
      ...echoProject(target.url, '1'),
      name,
      basePath: `/${name}`,
      ...(name === 'shop' && shop(target.url)),
    });
    for (const environment of ['production', 'development', 'staging']) {
      await balancer.api('PUT', `/v1/environments/${environment}/deployments/${name}`, {});
    }
  }
  await serving(balancer, ['gw-1', 'gw-2', 'gw-3']);
  await serving(balancer, ['dev-1'], 'development');
  const ask = async (keys: readonly Record<string, string>[], count: number) => {
    for (let sent = 0; sent < count; sent++) {
      const response = await fetch(`http://${balancer.address}/shop/orders/${sent}`, { headers: keys[sent % keys.length] ?? {} });
      await response.arrayBuffer();
    }
  };
  const keys: Record<string, string>[] = [{}];
  for (const consumer of ['anna', 'bert', 'mobile-app']) {
    await balancer.api('PUT', `/v1/consumers/${consumer}`, {});
    const { key } = (await balancer.api('POST', `/v1/consumers/${consumer}/keys`, {})) as { key: string };
    keys.push({ 'x-api-key': key }, ...(consumer === 'anna' ? [{ 'x-api-key': key }] : []));
  }
  const loads = [
    new Load(balancer.address, '/shop/', { clients: 4, restMs: 10 }),
    new Load(balancer.address, '/search/', { clients: 1, restMs: 20, host: 'development.test' }),
  ];
  scope.teardown(() => Promise.all(loads.map((load) => load.stop())));
  const { page } = await startBrowser(scope);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const write = async (name: string, size: keyof typeof sizes, colorScheme: 'light' | 'dark') => {
    await resizeWindow(page, sizes[size]);
    await page.emulateMedia({ colorScheme });
    await untilDrawn(page);
    await page.screenshot({ path: `${images}${name}.png` });
  };
  const begun = Date.now();
  const passed = (share: number) =>
    eventually(
      () => Date.now() - begun,
      (ms) => ms > seconds * share * 1000,
      { limitMs: seconds * 2000, everyMs: 200, what: 'the charts to fill' },
    );
  await passed(0.4);
  loads.push(new Load(balancer.address, '/payments/', { clients: 6, restMs: 12 }));
  await ask(keys, 120);
  await passed(1);
  await write('dashboard', 'desktop', 'light');
  await write('dashboard-dark', 'desktop', 'dark');
  await write('dashboard-phone', 'phone', 'light');
  await resizeWindow(page, sizes.desktop);
  await page.goto(`${balancer.control}/#project/shop/production`);
  await page.getByRole('table', { name: 'Callers of shop' }).waitFor();
  await write('project', 'desktop', 'light');
  await page.getByRole('button', { name: 'Actions for project shop' }).click();
  await page.getByRole('button', { name: 'Edit as a new revision…' }).click();
  await page.locator('.cm-line', { hasText: 'consumers: true' }).click();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Suggest' }).click();
  await page.locator('.cm-completionInfo').waitFor();
  await write('editor', 'desktop', 'dark');
} finally {
  await scope.end();
}
