import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { adminToken, startBalancer } from '../tools/sluice-under-test.ts';
import { startBrowser } from './browser.ts';

/** A script of a hostile page on the same host, to whose requests browsers add the session cookie. */
const attack = (control: string) => `
  const told = { socket: 'none', read: 'none' };
  const own = { credentials: 'include', mode: 'no-cors' };
  const tries = [
    fetch('${control}/v1/environments/production?force=true', { ...own, method: 'POST' }),
    fetch('${control}/v1/projects', { ...own, method: 'POST', body: '{"name":"evil","basePath":"/evil","targets":{"default":{"url":"http://127.0.0.1:9"}}}' }),
    fetch('${control}/v1/session', { ...own, method: 'POST' }),
    fetch('${control}/v1/environments/production', { credentials: 'include', method: 'DELETE' }),
    fetch('${control}/v1/servers', { credentials: 'include' }).then((answer) => answer.text()).then((text) => { told.read = text; }),
    new Promise((resolve) => {
      const socket = new WebSocket('${control.replace('http', 'ws')}/v1/events');
      socket.onmessage = ({ data }) => { told.socket = data; resolve(); };
      socket.onclose = resolve;
    }),
    new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.name = 'target';
      frame.onload = resolve;
      frame.src = '${control}/';
      document.body.append(frame);
    }),
  ];
  Promise.allSettled(tries).then(() => {
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', target: 'target', action: '${control}/v1/projects', enctype: 'text/plain' });
    document.querySelector('iframe').onload = () => { window.told = told; };
    document.body.append(form);
    form.submit();
  });`;

test('a page of another origin can neither read, change, listen nor frame the dashboard of a signed-in user', async (t) => {
  const balancer = await startBalancer(t);
  const evil = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>evil</title><body><script>${attack(balancer.control)}</script>`);
  });
  evil.listen(0, '127.0.0.1');
  await once(evil, 'listening');
  t.teardown(() => {
    evil.closeAllConnections();
    evil.close();
  });
  const { page, context, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const other = await context.newPage();
  const statuses: number[] = [];
  const cookies: string[] = [];
  other.on('response', async (response) => {
    if (!response.url().startsWith(`${balancer.control}/v1/`)) return;
    if (response.request().method() !== 'GET') statuses.push(response.status());
    cookies.push((await response.request().allHeaders())['cookie'] ?? '');
  });
  await other.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
  await other.waitForFunction('window.told');
  t.same(await other.evaluate('window.told'), { socket: 'none', read: 'none' });
  t.ok(
    cookies.some((cookie) => cookie.includes('sluice-session')),
    'the browser sent the cookie: the refusal came from Sluice',
  );
  t.same(
    [...new Set(statuses)].sort(),
    [401, 403].filter((status) => statuses.includes(status)),
    `every request was refused: ${statuses}`,
  );
  t.ok(statuses.length > 0);
  const framed = other.frame({ name: 'target' });
  t.notMatch(await framed?.content(), /dashboard\.js/, 'the dashboard does not load in a frame');
  t.same(((await balancer.api('GET', '/v1/projects')) as unknown[]).length, 0);
  t.equal(((await balancer.api('GET', '/v1/environments')) as unknown[]).length, 1);
  t.equal(await page.getByText('Live', { exact: true }).count(), 1, 'the user is still signed in');
  t.same(complaints, []);
});

test('foreign markup is shown as text, and no injected script runs', async (t) => {
  const balancer = await startBalancer(t);
  const markup = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>';
  const project = { name: 'odd', basePath: '/odd', version: markup, targets: { default: { url: 'http://127.0.0.1:9' } } };
  await balancer.api('POST', '/v1/projects', project);
  const { page, complaints } = await startBrowser(t);
  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click();
  await page.getByText(markup).waitFor();
  t.equal(await page.evaluate('window.hacked'), undefined);
  t.same(complaints, []);
  await page.evaluate("const own = document.createElement('script'); own.textContent = 'window.hacked = 3'; document.head.append(own)");
  await page.evaluate(
    "const own = document.createElement('script'); own.src = 'data:text/javascript,window.hacked=4'; document.head.append(own)",
  );
  await page.evaluate(
    'document.body.insertAdjacentHTML(\'beforeend\', \'<img src=x onerror="window.hacked=5"><p style="position:fixed">x</p>\')',
  );
  await page.waitForFunction('true');
  t.equal(await page.evaluate('window.hacked'), undefined, 'the content policy holds');
  t.ok(complaints.filter((text) => /Content Security Policy/.test(text)).length >= 3, 'and the browser says so');
  t.equal(await page.evaluate('document.cookie'), '', 'no script sees the session');
  t.notMatch(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href'), adminToken);
});
