import { request } from 'node:http';
import { test } from 'tap';
import type { KeyMade } from '../../src/api/caller-answers.ts';
import type { UsageAnswer } from '../../src/api/usage-answers.ts';
import { startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { operate, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

test('a balancer reads what gateway servers have counted over mutual TLS, and names the silent ones', async (t) => {
  const target = await startTarget(t);
  const production = { ...testEnvironment, serverTls: 'on', health: { interval: '1h', timeout: '1s' } };
  const balancer = await startBalancer(t, { workers: 2 }, { production });
  const shop = {
    ...{ name: 'shop', basePath: '/shop', policies: { proxyRequest: [{ apiKey: { consumers: true } }] } },
    targets: { default: { url: target.url }, gone: { url: 'http://127.0.0.1:1', health: { interval: '100ms' } } },
    resources: [
      { path: '/', childPaths: true },
      { path: '/gone', target: 'gone' },
    ],
  };
  await balancer.api('POST', '/v1/projects', shop);
  await balancer.api('PUT', '/v1/environments/production/deployments/shop', {});
  await balancer.api('PUT', '/v1/consumers/anna', {});
  const { key } = (await balancer.api('POST', '/v1/consumers/anna/keys')) as KeyMade;
  const gateways = [await startGateway(t, 'a', balancer.control), await startGateway(t, 'b', balancer.control)];
  const servers = await serving(balancer, ['a', 'b']);
  const send = async (path: string, shown = key) =>
    (await fetch(`http://${balancer.address}${path}`, { headers: { 'x-api-key': shown, connection: 'close' } })).status;
  await eventually(
    () => send('/shop/x'),
    (status) => status === 200,
  );
  const usage = (query = '') => balancer.api('GET', `/v1/usage?environment=production${query}`) as Promise<UsageAnswer>;
  const [before] = (await usage('&project=shop')).projects;
  for (let count = 0; count < 20; count++) t.equal(await send(`/shop/${count}`), 200);
  t.equal(await send('/shop/x', 'wrong'), 401);
  t.equal(await send('/shop/gone'), 502);

  const {
    servers: who,
    projects,
    consumers,
    since,
  } = await eventually(
    () => usage('&project=shop'),
    ({ projects: [shop], down }) => (shop?.requests ?? 0) - (before?.requests ?? 0) === 22 && down[0]?.downOn === 2,
    { what: 'all requests counted on both servers, and the target down on both' },
  );
  t.same(who, { asked: 2, answered: 2, silent: [], unsupported: [] });
  t.ok((since ?? 0) > 1_700_000_000_000);
  const [found] = projects;
  t.match(
    found?.routes.map(({ resource, failed }) => [resource, failed]),
    [
      ['/', 0],
      ['/gone', 1],
    ],
  );
  t.ok((found?.p50 ?? 0) > 0 && (found?.perSecond ?? 0) > 0);
  t.match(found?.targets.find(({ target: name }) => name === 'gone')?.urls, [
    { url: 'http://127.0.0.1:1', up: false, reason: 'connection refused', downOn: 2 },
  ]);
  const refused = found?.refused;
  t.equal(found?.policies.find(({ policy }) => policy === 'apiKey')?.refused, refused);
  t.match(consumers, [{ consumer: 'anna', project: 'shop', requests: (found?.requests ?? 0) - (refused ?? 0), failed: 1 }]);

  // Only balancers and this machine read it.
  t.equal(await send('/.sluice/usage'), 404, 'no client does through the balancer');
  const [a] = servers;
  const plain = await new Promise((resolve) => {
    request(`http://${a?.address}/.sluice/usage`, { agent: false }, ({ statusCode }) => resolve(statusCode))
      .on('error', ({ message }) => resolve(message))
      .end();
  });
  t.not(plain, 200, 'nobody without a certificate');

  t.test('sluice usage and sluice status', async (t) => {
    const shown = await operate(t, balancer, 'usage', '--project', 'shop');
    t.equal(shown.status, 0);
    for (const line of [
      /^PROJECT +REQUESTS +REQ\/S +REFUSED +FAILED/m,
      /^shop +\d+/m,
      /^\/gone +1 /m,
      /^gone +\d+/m,
      /^apiKey +\d+/m,
      /^anna +shop +\d+/m,
    ])
      t.match(shown.out, line);
    t.match(shown.out, /target gone of shop: http:\/\/127\.0\.0\.1:1 is down on 2 servers: connection refused/);
    // They wait half a second for servers: on a busy machine one may be too late.
    for (const words of [['status'], ['env', 'show', 'production']])
      await eventually(
        async () => (await operate(t, balancer, ...words)).out,
        (out) => /target gone of shop: http:\/\/127\.0\.0\.1:1 is down on 2 servers/.test(out),
        { what: `sluice ${words.join(' ')} to name the target that is down` },
      );
    t.match(JSON.parse((await operate(t, balancer, 'usage', '--consumer', 'ben', '--json')).out), { consumers: [] });
  });

  gateways[1]?.signal('SIGSTOP');
  // Answered while that server cannot answer.
  const rest = await usage('&consumer=anna');
  gateways[1]?.signal('SIGCONT');
  t.match(rest.servers, { asked: 2, answered: 1, silent: ['b'] });
  t.equal(rest.projects.length, 1);
  t.same(rest.projects[0]?.routes, [], 'totals');
});
