import { createServer, type ServerResponse } from 'node:http';
import { type Test, test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { listening } from '../tools/listening.ts';
import { Load } from '../tools/load.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { startBrowser, takePictures } from './browser.ts';

/** A target that holds its responses back until the test ends them. */
async function startPatientTarget(t: Test): Promise<{ url: string; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response));
  return { url: `http://${await listening(t, server)}`, held };
}

test('scaling out in the dashboard: the busy environment is marked and gets one more server', async (t) => {
  const balancer = await startBalancer(t, {}, { development: { ...testEnvironment, hosts: ['development.test'] } });
  const target = await startTarget(t);
  const patient = await startPatientTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  await startGateway(t, 'dev-1', balancer.control, ['--environment', 'development']);
  await deployEcho(balancer, target.url);
  await deployEcho(balancer, target.url, '1', 'development');
  await balancer.api('POST', '/v1/projects', { name: 'reports', basePath: '/reports', targets: { default: { url: patient.url } } });
  await balancer.api('PUT', '/v1/environments/production/deployments/reports', {});
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

  const quiet = new Load(balancer.address, '/echo/', { clients: 1, restMs: 50, host: 'development.test' });
  const busy = new Load(balancer.address, '/echo/', { clients: 6, restMs: 5 });
  await production.getByText('Busiest').waitFor();
  t.equal(await development.getByText('Busiest').count(), 0, 'only the environment with more traffic is marked');

  await production.locator('dt:text-is("p99") + dd', { hasText: /^[\d.]+ m?s$/ }).waitFor();
  t.pass('its latency is shown');

  await startGateway(t, 'spare-1', balancer.control, []);
  const spare = page.getByRole('region', { name: 'Available servers' }).locator('[data-server=spare-1]');
  await spare.waitFor();

  await page.getByRole('button', { name: 'Add to an environment: spare-1' }).click();
  await page.getByRole('button', { name: /^production/ }).click();
  const row = production.locator('[data-server=spare-1]');
  await row.getByText('Ready').waitFor();
  await production.getByText('2 of 2 ready').waitFor();
  await busy.until((tally) => tally.by.has('spare-1'));
  await row.locator('.share-figures b', { hasText: /^(4|5)\d%$/ }).waitFor();
  t.pass('its share of the traffic is shown');
  await takePictures(page, 'scaled-out');

  // Enough requests that the server gets at least one of them.
  const reports = Array.from({ length: 8 }, () => fetch(`http://${balancer.address}/reports/x`));
  await row.getByText(/^[1-9]\d* in flight$/).waitFor();
  await page.getByRole('button', { name: 'Actions for spare-1' }).click();
  await page.getByRole('button', { name: /^Drain/ }).click();
  await row.getByText('Draining').waitFor();
  await row.getByText(/^[1-9] in flight, gets no new requests$/).waitFor();
  await takePictures(page, 'draining');
  t.equal(await row.getByText('nothing in flight').count(), 0);
  for (const response of patient.held) response.end();
  await row.getByText('nothing in flight').waitFor();
  t.same([...new Set((await Promise.all(reports)).map(({ status }) => status))], [200], 'the requests in flight have finished');
  await page.getByRole('button', { name: 'Actions for spare-1' }).click();
  await page.getByRole('button', { name: /^Remove/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove spare-1' }).click();
  await spare.waitFor();
  t.equal(await row.count(), 0, 'it is available again');

  await spare.dragTo(development);
  await development.getByText('2 of 2 ready').waitFor();

  await page.getByRole('navigation').getByRole('link', { name: 'Activity' }).click();
  for (const line of ['added to production', 'ready in production', 'draining in production', 'left production', 'added to development']) {
    await page.getByText(line).first().waitFor();
  }
  const tally = await busy.stop();
  t.same(tally.wrong, [], `none of ${tally.sent} requests failed`);
  t.same((await quiet.stop()).wrong, []);
  t.same(
    complaints.filter((text) => !text.includes('401')),
    [],
    'no errors or warnings of scripts, styles or the content policy',
  );
});
