import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { startRejectingServer } from '../tools/rejecting-server.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { startBrowser } from './browser.ts';

test('every screen and dialog is accessible: light and dark, desktop and phone, at 200 % zoom', async (t) => {
  const balancer = await startBalancer(t, {}, { development: { ...testEnvironment, hosts: ['development.test'] } });
  const target = await startTarget(t);
  const { page, complaints } = await startBrowser(t);
  await page.goto(balancer.control);
  await page.getByLabel('Admin token').fill('not-the-token');
  await page.getByLabel('Admin token').press('Enter');
  await page.getByText('That is not the admin token.').waitFor();
  await audit(t, page, 'sign-in');
  await page.getByLabel('Admin token').fill(adminToken);
  await page.getByLabel('Admin token').press('Enter');
  const production = page.getByRole('region', { name: 'Environment production' });
  await production.getByText('0 of 0 ready').waitFor();
  await production.getByText(`sluice gateway --join ${balancer.control} --environment production`).waitFor();
  await audit(t, page, 'nothing-yet');
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await page.getByText('sluice project push FILE').waitFor();
  await audit(t, page, 'no-project');

  await Promise.all([
    startRejectingServer(t, 'prod-1', balancer.control, ({ name }) => (name === 'broken' ? 'no such policy' : undefined)),
    startGateway(t, 'spare-1', balancer.control, []),
  ]);
  await deployEcho(balancer, target.url);
  await deployEcho(balancer, target.url, '2');
  await balancer.api('POST', '/v1/projects', {
    name: 'broken',
    basePath: '/broken',
    targets: { default: { url: target.url } },
  });
  await balancer.api('PUT', '/v1/environments/production/deployments/broken', {});
  await serving(balancer, ['prod-1']);
  const project = page.getByRole('region', { name: 'Project echo' });
  await project.getByText('active', { exact: true }).waitFor();
  await audit(t, page, 'projects');
  const dialogs: [name: string, open: () => Promise<void>][] = [
    ['push', () => page.getByRole('button', { name: 'Push a project' }).click()],
    ['deploy', () => page.getByRole('button', { name: 'Deploy echo', exact: true }).click()],
    ['compare', () => page.getByRole('button', { name: 'Compare revision 2' }).click()],
    ['undeploy', () => page.getByRole('button', { name: 'Undeploy echo from production' }).click()],
  ];
  for (const [name, open] of dialogs) {
    await open();
    await page.getByRole('dialog').waitFor();
    await audit(t, page, `dialog-${name}`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await page.getByText('rejected broken').waitFor();
  await audit(t, page, 'activity');
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await production.getByText('Rejecting').waitFor();
  await audit(t, page, 'overview');
  await page.getByRole('button', { name: 'Actions for prod-1' }).click();
  await page.getByRole('button', { name: /^Remove/ }).waitFor();
  await audit(t, page, 'server-menu');
  await page.getByRole('button', { name: /^Remove/ }).click();
  await page.getByText(/It is the last server that takes requests|No request is lost/).waitFor();
  await audit(t, page, 'remove');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'New environment' }).click();
  await page.getByText('Health, retries, limits, timeouts, variables').click();
  await audit(t, page, 'new-environment');
  await page.keyboard.press('Escape');
  t.same(
    complaints.filter((text) => !/401/.test(text)),
    [],
  );
});
