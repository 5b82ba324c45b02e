import t, { type Test, test } from 'tap';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { startRedis } from '../tools/redis.ts';
import { type BalancerUnderTest, current, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

/** The whole promise of the product: join, deploy, scale out, deploy again under load, scale in. */
async function scaleOut(t: Test, balancer: BalancerUnderTest, joinUrl: string): Promise<void> {
  const target = await startTarget(t);
  const gatewayA = await startGateway(t, 'a', joinUrl);
  t.strictSame(await balancer.api('POST', '/v1/projects', echoProject(target.url, '1')), { name: 'echo', revision: 1 });
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', { revision: 1 });
  await eventually(
    () => fetch(`http://${balancer.address}/echo/ready`),
    (response) => response.status === 200,
  );

  const load = new Load(balancer.address, '/echo/');
  await load.more(200);
  t.strictSame([...load.counts.by.keys()], ['a']);

  const startedB = Date.now();
  await startGateway(t, 'b', joinUrl);
  const listening = Date.now();
  await load.until(({ by }) => by.has('b'));
  t.comment(`b started in ${listening - startedB} ms and answered its first request ${Date.now() - listening} ms after that`);
  load.recount();
  await load.more(1000);
  const share = (load.counts.by.get('b') ?? 0) / 1000;
  t.ok(share > 0.4 && share < 0.6, `b gets half of the requests (${share})`);

  await balancer.api('POST', '/v1/projects', echoProject(target.url, '2'));
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
  await current(balancer, 2);
  load.recount();
  await load.more(500);
  t.strictSame([...load.counts.revisions.keys()], ['2'], 'both serve revision 2');
  t.ok(load.counts.by.has('a') && load.counts.by.has('b'));

  gatewayA.signal('SIGTERM');
  t.equal(await gatewayA.ended(), 0, 'a has left');
  load.recount();
  await load.more(500);
  t.strictSame([...load.counts.by.keys()], ['b']);

  const { wrong, sent } = await load.stop();
  t.strictSame(wrong, [], `none of ${sent} requests failed`);
  t.equal([...target.posts.values()].filter((count) => count > 1).length, 0, 'no POST was carried out twice');
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
}

test('scaling out and in on a real Redis', async (t) => {
  const redis = await startRedis(t);
  const balancer = await startBalancer(t, { registry: { url: redis.url } });
  await scaleOut(t, balancer, redis.url);
});

test('scaling out and in on the embedded registry, over WebSocket', async (t) => {
  const balancer = await startBalancer(t);
  await scaleOut(t, balancer, balancer.control);
});
