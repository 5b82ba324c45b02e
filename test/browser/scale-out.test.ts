import { test } from 'tap';
import { Load } from '../flow/load.ts';
import { adminToken, deployEcho, serving, startBalancer, startGateway, startTarget, testEnvironment } from '../flow/system.ts';
import { startBrowser, takePictures } from './browser.ts';

test('the dashboard through the whole story: the busy environment is seen, and gets one more server', async (t) => {
  const balancer = await startBalancer(t, {}, { development: testEnvironment });
  const target = await startTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  await startGateway(t, 'dev-1', balancer.control, ['--environment', 'development']);
  await deployEcho(balancer, target.url);
  await deployEcho(balancer, target.url, '1', 'development');
  await serving(balancer, ['prod-1']);
  await serving(balancer, ['dev-1'], 'development');

  const { page, complaints } = await startBrowser(t);
  await page.goto(balancer.control);
  await page.getByLabel('Admin token').fill('not-the-token');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('That is not the admin token.').waitFor();
  await takePictures(page, 'sign-in');
  await page.getByLabel('Admin token').fill(adminToken);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const production = page.getByRole('region', { name: 'Environment production' });
  const development = page.getByRole('region', { name: 'Environment development' });
  await production.getByText('1 of 1 ready').waitFor();
  await development.getByText('1 of 1 ready').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();

  const quiet = new Load(balancer.addresses['development'] as string, '/echo/', { clients: 1, restMs: 50 });
  const busy = new Load(balancer.address, '/echo/', { clients: 6, restMs: 5 });
  await production.getByText('Busiest').waitFor();
  t.equal(await development.getByText('Busiest').count(), 0, 'activity rises in one environment, and it is seen');

  await startGateway(t, 'spare-1', balancer.control, []);
  const spare = page.getByRole('region', { name: 'Available servers' }).locator('[data-server=spare-1]');
  await spare.waitFor();
  await takePictures(page, 'available');

  await page.getByRole('button', { name: 'Add spare-1 to an environment' }).click();
  await page.getByRole('button', { name: /^production/ }).click();
  const row = production.locator('[data-server=spare-1]');
  await row.getByText('Ready').waitFor();
  await production.getByText('2 of 2 ready').waitFor();
  await busy.until((tally) => tally.by.has('spare-1'));
  await row.locator('.share-figures b', { hasText: /^(3\d|4\d|5\d|6\d)%$/ }).waitFor();
  t.pass('its share of the traffic is seen');
  await takePictures(page, 'scaled-out');

  await page.getByRole('button', { name: 'Actions for spare-1' }).click();
  await page.getByRole('button', { name: /^Drain/ }).click();
  await row.getByText('Draining').waitFor();
  await row.getByText('nothing in flight').waitFor();
  await page.getByRole('button', { name: 'Actions for spare-1' }).click();
  await page.getByRole('button', { name: /^Remove/ }).click();
  await spare.waitFor();
  t.equal(await row.count(), 0, 'and it is available again');

  await page.getByRole('link', { name: 'Activity' }).click();
  for (const line of ['added to production', 'ready in production', 'draining in production', 'left production']) {
    await page.getByText(line).first().waitFor();
  }
  await takePictures(page, 'activity');
  const tally = await busy.stop();
  t.same(tally.wrong, [], `none of ${tally.sent} requests failed`);
  t.same((await quiet.stop()).wrong, []);
  t.same(
    complaints.filter((text) => !text.includes('401')),
    [],
    'nothing to complain of: scripts, styles, content policy',
  );
});
