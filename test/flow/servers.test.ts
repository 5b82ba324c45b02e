import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import type { SluiceProcess } from '../tools/sluice-process.ts';
import { operate, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

/** Another address: environments with the same address and port 0 share one listener. */
const otherListener = { ...testEnvironment, listen: '127.0.0.2:0' };

test('an operator adds, weighs, drains and removes servers', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, {}, { staging: otherListener });
  const gateway = await startGateway(t, 'a', balancer.control, []);
  await gateway.logged((line) => line.msg?.startsWith('registered as available') === true);
  await deployEcho(balancer, target.url);
  const sluice = async (...args: string[]) => {
    const { status, out, err } = await operate(t, balancer, ...args);
    t.equal(status, 0, `sluice ${args.join(' ')}: ${out.trim() || err}`);
    return out;
  };
  t.match(await sluice('server', 'list'), /\ba +- +available/);
  t.match(await sluice('server', 'add', 'a', '--environment', 'production'), /a is ready in production/);
  const load = new Load(balancer.address, '/echo/');
  await load.more(50);

  await startGateway(t, 'b', balancer.control, []);
  await sluice('server', 'add', 'b', '--environment', 'production');
  await shares(load, { a: 50, b: 50 });

  await sluice('server', 'weight', 'b', '3');
  await shares(load, { a: 25, b: 75 });

  await sluice('server', 'drain', 'b');
  load.recount();
  await load.more(200);
  t.strictSame([...load.counts.by.keys()], ['a'], 'a drained server gets no requests');
  await sluice('server', 'resume', 'b');
  await load.until(({ by }) => by.has('b'));

  t.match(await sluice('server', 'remove', 'b'), /b is available/);
  load.recount();
  await load.more(200);
  t.strictSame([...load.counts.by.keys()], ['a'], 'nor does a removed one');
  const { status, err } = await operate(t, balancer, 'server', 'add', 'missing', '--environment', 'production');
  t.equal(status, 1);
  t.match(err, /there is no server "missing"/);
  t.strictSame((await load.stop()).wrong, []);
});

/** Resolves when 100 answers in a row are distributed like this. Those in flight at the start of a count may be off by 8. */
async function shares(load: Load, wanted: Readonly<Record<string, number>>): Promise<void> {
  await eventually(
    async () => {
      load.recount();
      await load.until(({ by }) => [...by.values()].reduce((sum, count) => sum + count, 0) >= 100);
      return load.counts.by;
    },
    (by) => Object.entries(wanted).every(([id, count]) => Math.abs((by.get(id) ?? 0) - count) <= 8),
    { what: `answers distributed as ${JSON.stringify(wanted)}` },
  );
}

for (const kind of ['redis', 'embedded']) {
  test(`a server moves from one environment to another under load (${kind})`, async (t) => {
    const target = await startTarget(t);
    const redis = kind === 'redis' ? await startRedis(t) : undefined;
    const balancer = await startBalancer(t, redis ? { registry: { url: redis.url } } : {}, { staging: otherListener });
    const joinUrl = redis?.url ?? balancer.control;
    await deployEcho(balancer, target.url);
    await deployEcho(balancer, target.url, '2', 'staging');
    await Promise.all([
      startGateway(t, 'a', joinUrl),
      startGateway(t, 'b', joinUrl),
      startGateway(t, 'c', joinUrl, ['--environment', 'staging']),
    ]);
    await Promise.all([serving(balancer, ['a', 'b']), serving(balancer, ['c'], 'staging')]);

    const production = new Load(balancer.address, '/echo/');
    const staging = new Load(balancer.addresses['staging'] as string, '/echo/');
    await Promise.all([production.more(100), staging.more(100)]);
    const begun = performance.now();
    await balancer.api('PUT', '/v1/environments/staging/servers/b');
    await staging.until(({ by }) => by.has('b'));
    t.comment(`moved in ${Math.round(performance.now() - begun)} ms`);
    await Promise.all([serving(balancer, ['a']), serving(balancer, ['b', 'c'], 'staging')]);
    production.recount();
    staging.recount();
    await Promise.all([production.more(200), staging.more(200)]);
    t.strictSame([...production.counts.by.keys()], ['a']);
    t.strictSame([...staging.counts.by.keys()].sort(), ['b', 'c']);
    t.strictSame([...staging.counts.revisions.keys()], ['2'], "it serves its new environment's projects only");
    t.strictSame((await production.stop()).wrong, []);
    t.strictSame((await staging.stop()).wrong, []);
  });
}

test('without --id, a server with its own --data-dir keeps its identity and its environment over a restart', async (t) => {
  const balancer = await startBalancer(t);
  const folder = ownFolder(t);
  const start = () => startGateway(t, undefined, balancer.control, ['--data-dir', 'mine'], { folder });
  const idOf = async (gateway: SluiceProcess) => String((await gateway.logged((line) => line.msg === 'gateway listens'))['server']);
  const first = await start();
  const id = await idOf(first);
  await first.logged((line) => line.msg?.startsWith('registered as available') === true);
  await balancer.api('PUT', `/v1/environments/production/servers/${id}`);
  await serving(balancer, [id]);
  await first.kill();

  const second = await start();
  t.equal(await idOf(second), id);
  await second.logged((line) => line.msg === 'joined' && line['environment'] === 'production');
  await serving(balancer, [id]);

  const others = await Promise.all([1, 2].map(() => startGateway(t, undefined, balancer.control, [], { folder })));
  t.equal(new Set([id, ...(await Promise.all(others.map(idOf)))]).size, 3, 'without --data-dir, each start is another server');
});
