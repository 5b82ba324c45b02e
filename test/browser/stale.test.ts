import { test } from 'tap';
import { echoProject, startTarget } from '../tools/echo.ts';
import { adminToken, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { audit } from './audit.ts';
import { startBrowser } from './browser.ts';
import { hookFeed } from './feed-hook.ts';

const earlier = /^Nothing was changed, because this page showed an earlier state/;

test('a page that shows an earlier state overwrites nothing, says so, and looks again', async (t) => {
  const balancer = await startBalancer(t, {}, { staging: { ...testEnvironment, hosts: ['staging.test'] } });
  const target = await startTarget(t);
  await startGateway(t, 'prod-1', balancer.control);
  for (const revision of ['1', '2', '3']) await balancer.api('POST', '/v1/projects', echoProject(target.url, revision));
  const deploy = (revision: number, environment = 'production') =>
    balancer.api('PUT', `/v1/environments/${environment}/deployments/echo`, { revision });
  const deployed = async () =>
    ((await balancer.api('GET', '/v1/environments/production/deployments')) as { deployments: { revision: number }[] }).deployments.map(
      ({ revision }) => revision,
    );
  await deploy(1);
  await serving(balancer, ['prod-1']);
  const { page, complaints } = await startBrowser(t);
  await hookFeed(page);
  const unconditional: string[] = [];
  page.on('request', (request) => {
    const changes = /\/v1\/(?:environments|servers)/.test(request.url()) && request.method() !== 'GET';
    if (changes && request.headers()['if-match'] === undefined) unconditional.push(`${request.method()} ${request.url()}`);
  });
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  const production = page.getByRole('region', { name: 'Environment production' });
  await production.getByText('1 of 1 ready').waitFor();
  const lookAgain = page.getByRole('button', { name: 'Look again' });
  const dialog = page.getByRole('dialog');

  await page.getByRole('button', { name: 'Actions for environment staging' }).click();
  await page.getByRole('button', { name: 'Settings…' }).click();
  await dialog.getByLabel('Slow start').fill('9s');
  const { name: _, status: __, ...settings } = (await balancer.api('GET', '/v1/environments/staging')) as Record<string, unknown>;
  await balancer.api('PUT', '/v1/environments/staging', { ...settings, balance: 'ewma' });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(earlier).waitFor();
  await audit(t, page, 'stale-settings');
  t.match(await balancer.api('GET', '/v1/environments/staging'), { balance: 'ewma', slowStart: '0s' }, 'nothing is overwritten');
  await lookAgain.click();
  await dialog.getByText(earlier).waitFor({ state: 'detached' });
  t.equal(await dialog.getByLabel('Balancing').inputValue(), 'ewma', 'the form shows the settings as they are');
  await dialog.getByLabel('Slow start').fill('9s');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  t.match(await balancer.api('GET', '/v1/environments/staging'), { balance: 'ewma', slowStart: '9s' });

  await page.evaluate('window.deaf = true');
  await balancer.api('PATCH', '/v1/servers/prod-1', { weight: 5 });
  await page.getByRole('button', { name: 'Actions for prod-1' }).click();
  await page.getByRole('button', { name: /^Drain/ }).click();
  await dialog.getByRole('button', { name: 'Drain prod-1' }).click();
  await page.getByText(earlier).waitFor();
  t.match(await balancer.api('GET', '/v1/servers/prod-1'), { state: 'ready', weight: 5 });
  await page.getByRole('button', { name: 'Dismiss' }).last().click();

  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await page.getByRole('button', { name: 'Deploy 3 to production' }).waitFor();
  await deploy(2);
  await page.getByRole('button', { name: 'Deploy 3 to production' }).click();
  await page.getByText(earlier).waitFor();
  t.same(await deployed(), [2]);
  await lookAgain.click();
  await page.locator('.deployment').getByText('revision 2', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Deploy 3 to production' }).click();
  await page.locator('.deployment').getByText('revision 3', { exact: true }).waitFor();
  t.same(await deployed(), [3], 'now it is deployed, and the page shows it without the feed');
  await page.getByRole('button', { name: 'Roll back echo in production' }).click();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await page.locator('.deployment').getByText('revision 2', { exact: true }).waitFor();

  await deploy(1);
  await page.getByRole('button', { name: 'Deploy echo', exact: true }).click();
  await page.getByRole('checkbox', { name: /^production/ }).check();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await dialog.getByText(earlier).waitFor();
  await lookAgain.click();
  await dialog.getByText('revision 1', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Undeploy echo from production' }).click();
  await dialog.getByRole('button', { name: 'Undeploy' }).click();
  await page.getByText('Not deployed, so no client can reach it.').waitFor();
  t.same(await deployed(), []);
  t.same(unconditional, [], 'every change is conditional');
  t.same(
    complaints.filter((text) => !text.includes('412')),
    [],
  );
});

test('an environment with servers or deployments is deleted only with its name, and only as the page shows it', async (t) => {
  const servers = [{ id: 'old-1', address: '127.0.0.1:9' }];
  const balancer = await startBalancer(t, {}, { staging: { ...testEnvironment, hosts: ['staging.test'], servers } });
  const target = await startTarget(t);
  await balancer.api('POST', '/v1/projects', echoProject(target.url, '1'));
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  const staging = page.getByRole('region', { name: 'Environment staging' });
  await staging.getByText('0 of 1 ready').waitFor();
  const dialog = page.getByRole('dialog', { name: 'Delete staging?' });
  const open = async () => {
    await page.getByRole('button', { name: 'Actions for environment staging' }).click();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await dialog.getByText('It has 1 server').waitFor();
  };
  await open();
  const name = dialog.getByLabel('To confirm, type its name: staging');
  t.equal(await page.evaluate('document.activeElement.name'), 'name', 'the field has the focus');
  await page.keyboard.press('Enter');
  await name.fill('stagin');
  await page.keyboard.press('Enter');
  await dialog.getByText('Type the name of the environment: staging').waitFor();
  await audit(t, page, 'delete-by-name');
  t.equal(((await balancer.api('GET', '/v1/environments')) as unknown[]).length, 2);

  await balancer.api('PUT', '/v1/environments/staging/deployments/echo', {});
  await name.fill('staging');
  await page.keyboard.press('Enter');
  await dialog.getByText(/earlier state/).waitFor();
  await dialog.getByText('It has 1 server and 1 deployment').waitFor();
  await page.getByRole('button', { name: 'Look again' }).click();
  await dialog.getByText(/earlier state/).waitFor({ state: 'detached' });
  t.equal(await name.inputValue(), 'staging', 'the name need not be typed again');
  await dialog.getByRole('button', { name: 'Delete staging' }).click();
  await staging.waitFor({ state: 'detached' });
  t.equal(((await balancer.api('GET', '/v1/environments')) as unknown[]).length, 1);
  t.same(
    complaints.filter((text) => !/4(?:04|12)/.test(text)),
    [],
  );
});
