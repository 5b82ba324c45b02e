import { test } from 'tap';
import type { ConsumerAnswer, KeyMade } from '../../src/api/caller-answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { operate, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

test('keys of consumers are valid and revoked on every gateway server, also while the registry is away', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { registry: { url: redis.url }, accessLog: true });
  const policies = { proxyRequest: [{ apiKey: { consumers: true } }] };
  await balancer.api('POST', '/v1/projects', { name: 'shop', basePath: '/shop', targets: { default: { url: target.url } }, policies });
  await balancer.api('PUT', '/v1/environments/production/deployments/shop', {});
  await deployEcho(balancer, target.url);
  await balancer.api('PUT', '/v1/consumers/anna', {});
  const first = (await balancer.api('POST', '/v1/consumers/anna/keys', { expires: '90d' })) as KeyMade;

  const folder = ownFolder(t);
  const start = async (id: string, url: string) => {
    const process = await startGateway(t, id, url, ['--environment', 'production'], { folder });
    return { process, address: String((await process.logged((line) => line.msg === 'gateway listens'))['listen']) };
  };
  const [a, b] = await Promise.all([start('a', redis.url), start('b', balancer.control)]);
  await serving(balancer, ['a', 'b']);
  const statuses = async (key: string, path = '/shop/x', ...addresses: string[]) =>
    Promise.all(
      (addresses.length > 0 ? addresses : [a.address, b.address]).map(async (address) => {
        const { status } = await fetch(`http://${address}${path}`, { headers: { 'x-api-key': key } });
        return status;
      }),
    );
  const become = (key: string, wanted: number, path?: string) =>
    eventually(
      () => statuses(key, path),
      (all) => all.every((status) => status === wanted),
      { what: `${wanted} for ${path ?? 'the key'} on both` },
    );
  t.same(await statuses(first.key), [200, 200], 'known from the first request on');
  t.same(await statuses('x'), [401, 401]);

  // A second key replaces the first without a gap.
  const second = (await balancer.api('POST', '/v1/consumers/anna/keys')) as KeyMade;
  await become(second.key, 200);
  t.same(await statuses(first.key), [200, 200], 'both are valid');
  t.match(await operate(t, balancer, 'consumer', 'revoke', 'anna', first.id), { status: 0 });
  await become(first.key, 401);
  t.same(await statuses(second.key), [200, 200]);

  await balancer.api('PUT', '/v1/products/gold', { projects: ['shop', 'echo'], limit: '1000/s' });
  await become(second.key, 403);
  t.same(await statuses(second.key, '/echo/x'), [403, 403], 'also a project without policies');
  await balancer.api('PUT', '/v1/products/gold/subscriptions/anna');
  await become(second.key, 200);
  t.same(((await balancer.api('GET', '/v1/consumers/anna')) as ConsumerAnswer).products, ['gold']);

  // Logs and metrics tell who called.
  const answer = await fetch(`http://${balancer.address}/shop/logged`, { headers: { 'x-api-key': second.key } });
  t.match(
    [answer.status, answer.headers.get('sluice-consumer')],
    [200, null],
    'the client does not get the field between gateway and balancer',
  );
  const logged = /"target":"\/shop\/logged".+"consumer":"anna"/;
  await eventually(
    async () => balancer.process.stdout,
    (lines) => logged.test(lines),
    { what: 'an access log line with the consumer' },
  );
  const metrics = await (await fetch(`http://${a.address}/.sluice/metrics`)).text();
  const counted = (name: string) =>
    Number(new RegExp(`^sluice_project_consumer_${name}_total\\{project="shop",consumer="anna"\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
  t.ok(counted('refusals') >= 1 && counted('requests') > counted('refusals'), 'refusals for want of a subscription are counted');

  // Without the registry: those that run go on, and one that starts knows what it knew.
  await redis.stop();
  t.same(await statuses(second.key), [200, 200]);
  await a.process.kill();
  const again = await start('a', redis.url);
  t.same(await statuses(second.key, '/shop/x', again.address), [200]);
  t.same(await statuses(first.key, '/shop/x', again.address), [401]);
  await redis.start();
  await again.process.logged((line) => line.msg === 'joined');
  await serving(balancer, ['a', 'b']);
  await balancer.api('DELETE', '/v1/consumers/anna');
  await eventually(
    () => statuses(second.key, '/shop/x', again.address, b.address),
    (all) => all.every((status) => status === 401),
    { what: '401 for the key of a deleted consumer' },
  );
});
