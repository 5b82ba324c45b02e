import { test } from 'tap';
import { echoProject, startTarget } from '../tools/echo.ts';
import { startRejectingServer } from '../tools/rejecting-server.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { startBrowser, takePictures } from './browser.ts';

test('projects in the dashboard: push, deploy to several environments, compare, roll back, undeploy', async (t) => {
  const balancer = await startBalancer(t, {}, { development: { ...testEnvironment, hosts: ['development.test'] } });
  const target = await startTarget(t);
  await Promise.all([
    startGateway(t, 'prod-1', balancer.control),
    startRejectingServer(t, 'prod-2', balancer.control, ({ name }) => (name === 'broken' ? 'no policy "nowhere"' : undefined)),
    startGateway(t, 'dev-1', balancer.control, ['--environment', 'development']),
  ]);
  await serving(balancer, ['prod-1', 'prod-2']);
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  t.notMatch(page.url(), adminToken, 'the token has left the address');

  const push = async (text: string) => {
    await page.getByRole('button', { name: 'Push a project' }).click();
    await page.getByLabel('Project (YAML or JSON)').fill(text);
    await page.getByRole('button', { name: 'Push', exact: true }).click();
  };
  await push('name: echo\nbasePath: /echo\nbasepath: /x\n');
  await page.getByText(/Line 3:.*basepath/).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await push(JSON.stringify(echoProject(target.url, '1')));
  const project = page.getByRole('region', { name: 'Project echo' });
  await project.waitFor();

  await project.getByRole('button', { name: 'Deploy echo', exact: true }).click();
  await page.getByRole('checkbox', { name: /^production/ }).check();
  await page.getByRole('checkbox', { name: /^development/ }).check();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  const dialog = page.getByRole('dialog');
  for (const server of ['prod-1', 'prod-2', 'dev-1']) await dialog.getByText(`${server}active`).waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  t.equal((await fetch(`http://${balancer.address}/echo/x`)).status, 200);

  await push(JSON.stringify({ ...echoProject(target.url, '2'), version: '2.0.0' }));
  await project.getByRole('button', { name: 'Deploy 2 to production' }).first().click();
  await project.getByText('revision 2', { exact: true }).waitFor();
  // The buttons move while the columns beside them change: a click would go astray.
  for (const row of [/^1 .* development Show/, /^2 .* production Show/]) await project.getByRole('row', { name: row }).waitFor();
  await project.getByRole('button', { name: 'Compare revision 2' }).click();
  await page.locator('.diff-added', { hasText: 'version: "2.0.0"' }).waitFor();
  t.equal(await page.locator('.diff-removed').count(), 1, 'one line: the revision in the header');
  await takePictures(page, 'diff');
  await page.keyboard.press('Escape');
  await takePictures(page, 'projects');

  const unknown = { name: 'broken', basePath: '/broken', targets: { default: { url: target.url } } };
  await push(JSON.stringify(unknown));
  await page.getByRole('region', { name: 'Project broken' }).getByRole('button', { name: 'Deploy broken', exact: true }).click();
  await page.getByRole('checkbox', { name: /^production/ }).check();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await page
    .getByRole('dialog')
    .getByText(/rejected: .*nowhere/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('navigation').getByRole('link', { name: 'Overview' }).click();
  const row = page.locator('[data-server=prod-2]');
  await row.getByText('Rejecting').waitFor();
  await row.getByText(/broken: .*nowhere/).waitFor();
  await takePictures(page, 'rejecting');
  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();

  await project.getByRole('button', { name: 'Roll back echo in production' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await project.getByText('revision 2', { exact: true }).waitFor({ state: 'detached' });
  await project.getByRole('button', { name: 'Undeploy echo from development' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Undeploy' }).click();
  await project.locator('.deployment', { hasText: 'development' }).waitFor({ state: 'detached' });
  t.equal(((await balancer.api('GET', '/v1/environments/development/deployments')) as { deployments: [] }).deployments.length, 0);
  t.same(
    complaints.filter((text) => !text.includes('422')),
    [],
  );
});

test('environments in the dashboard: create and change by keyboard, delete', async (t) => {
  const balancer = await startBalancer(t);
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('region', { name: 'Environment production' }).waitFor();
  await page.getByRole('button', { name: 'New environment' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Name' }).fill('staging');
  await page.getByLabel('Listener', { exact: true }).fill('nowhere');
  await page.keyboard.press('Enter');
  await page.getByText(/^listen: must be/).waitFor();
  await page.getByLabel('Listener', { exact: true }).fill('127.0.0.1:0');
  await page.getByLabel('Hosts').fill('staging.test');
  await takePictures(page, 'new-environment');
  await page.keyboard.press('Enter');
  const staging = page.getByRole('region', { name: 'Environment staging' });
  await staging.waitFor();

  await page.getByRole('button', { name: 'Actions for environment staging' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByLabel('Balancing').selectOption('ewma');
  await page.getByRole('button', { name: 'Save' }).press('Enter');
  await staging.getByText('ewma').waitFor();
  t.match(await balancer.api('GET', '/v1/environments/staging'), { balance: 'ewma', hosts: ['staging.test'] });

  await page.getByRole('button', { name: 'Actions for environment staging' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete staging' }).click();
  await staging.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  await page.reload();
  await page.getByLabel('Admin token').waitFor();
  t.same(
    complaints.filter((text) => !/40[14]|422/.test(text)),
    [],
    'no other errors or warnings',
  );
});
