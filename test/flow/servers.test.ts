import { test } from 'tap';
import { startRedis } from '../tools/redis.ts';
import { Load } from './load.ts';
import type { SluiceProcess } from './processes.ts';
import { deployEcho, operate, ownFolder, serving, startBalancer, startGateway, startTarget, testEnvironment } from './system.ts';

/** A listener of its own: port 0 of one address is one listener. */
const elsewhere = { ...testEnvironment, listen: '127.0.0.2:0' };

test('an operator puts servers where they are wanted', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, {}, { staging: elsewhere });
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
  await settled(load, { a: 50, b: 50 });

  await sluice('server', 'weight', 'b', '3');
  await settled(load, { a: 25, b: 75 });

  await sluice('server', 'drain', 'b');
  load.recount();
  await load.more(200);
  t.strictSame([...load.tally.by.keys()], ['a'], 'a drained server gets nothing');
  await sluice('server', 'resume', 'b');
  await load.until(({ by }) => by.has('b'));

  t.match(await sluice('server', 'remove', 'b'), /b is available/);
  load.recount();
  await load.more(200);
  t.strictSame([...load.tally.by.keys()], ['a'], 'nor does one that was removed');
  const { status, err } = await operate(t, balancer, 'server', 'add', 'nobody', '--environment', 'production');
  t.equal(status, 1);
  t.match(err, /there is no server "nobody"/);
  t.strictSame((await load.stop()).wrong, []);
});

/** Settles when 100 answers in a row are shared out like that, give or take those in flight. */
async function settled(load: Load, shares: Readonly<Record<string, number>>): Promise<void> {
  do {
    load.recount();
    await load.until(({ by }) => [...by.values()].reduce((sum, count) => sum + count, 0) >= 100);
  } while (Object.entries(shares).some(([id, share]) => Math.abs((load.tally.by.get(id) ?? 0) - share) > 8));
}

for (const kind of ['redis', 'embedded']) {
  test(`a server moves from one environment to another under load (${kind})`, async (t) => {
    const target = await startTarget(t);
    const redis = kind === 'redis' ? await startRedis(t) : undefined;
    const balancer = await startBalancer(t, redis ? { registry: { url: redis.url } } : {}, { staging: elsewhere });
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
    t.strictSame([...production.tally.by.keys()], ['a']);
    t.strictSame([...staging.tally.by.keys()].sort(), ['b', 'c']);
    t.strictSame([...staging.tally.revisions.keys()], ['2'], "it serves its new environment's projects only");
    t.strictSame((await production.stop()).wrong, []);
    t.strictSame((await staging.stop()).wrong, []);
  });
}

test('without --id, a server with a folder of its own is the same one again after a restart, and where it was put', async (t) => {
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
  t.equal(new Set([id, ...(await Promise.all(others.map(idOf)))]).size, 3, 'without one, each start is another server');
});
