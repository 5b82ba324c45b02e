import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

test('a gateway restarted while the registry is away serves its last snapshot', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { registry: { url: redis.url } });
  await deployEcho(balancer, target.url);
  const folder = ownFolder(t);
  const listen = async () => {
    const gateway = await startGateway(t, 'a', redis.url, ['--environment', 'production'], { folder });
    return { gateway, url: `http://${(await gateway.logged((line) => line.msg === 'gateway listens'))['listen']}` };
  };
  const first = await listen();
  await serving(balancer, ['a']);
  await eventually(
    async () => existsSync(join(folder, 'data/gateway-a/snapshots.log')),
    (kept) => kept,
  );

  await redis.stop();
  await first.gateway.kill();
  const { gateway, url } = await listen();
  const answer = await fetch(`${url}/echo/x`);
  t.equal(answer.status, 200);
  t.equal(await answer.text(), 'GET x ');
  t.equal((await fetch(`${url}/.sluice/ready`)).status, 200, 'its readiness says so');

  await redis.start();
  await gateway.logged((line) => line.msg === 'joined');
  await serving(balancer, ['a']);
  t.equal((await fetch(`http://${balancer.address}/echo/x`)).status, 200);
});

test('an embedded balancer is restarted under load: gateways rejoin by themselves, traffic resumes', async (t) => {
  const target = await startTarget(t);
  let balancer = await startBalancer(t);
  await deployEcho(balancer, target.url);
  await Promise.all(['a', 'b'].map((id) => startGateway(t, id, balancer.control)));
  await serving(balancer, ['a', 'b']);

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const load = new Load(balancer.address, '/echo/', { patient: true, restMs: 5 });
    await load.more(200);
    const begun = performance.now();
    balancer.process.signal(signal);
    await balancer.process.ended();
    const down = performance.now();
    balancer = await balancer.again();
    const up = performance.now();
    load.recount();
    await serving(balancer, ['a', 'b']);
    await load.until(({ by }) => by.has('a') && by.has('b'));
    const times = `ended ${Math.round(down - begun)} ms after ${signal}, listened again ${Math.round(up - down)} ms later, both gateways served ${Math.round(performance.now() - up)} ms after that`;
    const { wrong, sent, longestGapMs } = await load.stop();
    t.comment(`${times}; ${wrong.length} of ${sent} failed, longest gap ${Math.round(longestGapMs)} ms`);
    // SIGKILL loses the requests in flight; later ones must succeed.
    if (signal === 'SIGTERM') t.strictSame(wrong, []);
    else
      t.strictSame(
        wrong.filter((line) => !/ECONNRESET|socket hang up|broke off/.test(line)),
        [],
      );
  }
  await eventually(
    () => fetch(`http://${balancer.address}/echo/x`),
    (response) => response.status === 200,
  );
});
