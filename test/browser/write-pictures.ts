import { fileURLToPath } from 'node:url';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { Scope } from '../tools/owner.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { root } from '../tools/source-files.ts';
import { sizes, startBrowser } from './browser.ts';

// Makes the pictures in docs/images: real servers and real traffic, for as long as the charts take to fill.

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
    await balancer.api('POST', '/v1/projects', { ...echoProject(target.url, '1'), name, basePath: `/${name}` });
    for (const environment of ['production', 'development', 'staging']) {
      await balancer.api('PUT', `/v1/environments/${environment}/deployments/${name}`, {});
    }
  }
  await serving(balancer, ['gw-1', 'gw-2', 'gw-3']);
  await serving(balancer, ['dev-1'], 'development');
  const loads = [
    new Load(balancer.address, '/shop/', { clients: 4, restMs: 10 }),
    new Load(balancer.address, '/search/', { clients: 1, restMs: 20, host: 'development.test' }),
  ];
  scope.teardown(() => Promise.all(loads.map((load) => load.stop())));
  const { page } = await startBrowser(scope);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const begun = Date.now();
  const passed = (share: number) =>
    eventually(
      () => Date.now() - begun,
      (ms) => ms > seconds * share * 1000,
      { limitMs: seconds * 2000, everyMs: 200, what: 'the charts to fill' },
    );
  await passed(0.4);
  loads.push(new Load(balancer.address, '/payments/', { clients: 6, restMs: 12 }));
  await passed(1);
  for (const [name, size, colorScheme] of [
    ['dashboard', sizes.desktop, 'light'],
    ['dashboard-dark', sizes.desktop, 'dark'],
    ['dashboard-phone', sizes.phone, 'light'],
  ] as const) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
    await page.screenshot({ path: `${images}${name}.png` });
  }
} finally {
  await scope.end();
}
