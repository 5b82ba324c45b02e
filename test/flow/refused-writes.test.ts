import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import t, { type Test, test } from 'tap';
import type { RegistryAnswer, ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { pause } from '../tools/pause.ts';
import { type RedisServer, startRedis } from '../tools/redis.ts';
import { type BalancerUnderTest, operate, serving, startBalancer } from '../tools/sluice-under-test.ts';
import { type ShortLeased, startShortLeased, ttl } from './short-leases.ts';

/** Outlasting leases takes time, on a busy machine most of all. */
t.setTimeout(300_000);
// Side by side: each test waits for leases to end most of its time.
t.jobs = 4;

/** Ways in which a Redis that answers refuses writes, each with its words and the way back. */
const refusals: readonly {
  readonly code: string;
  readonly redis?: Parameters<typeof startRedis>[1];
  refuse(admin: Redis, redis: RedisServer): Promise<unknown>;
  accept(admin: Redis, redis: RedisServer): Promise<unknown>;
}[] = [
  {
    code: 'OOM',
    refuse: (admin) => admin.config('SET', 'maxmemory', '1'),
    accept: (admin) => admin.config('SET', 'maxmemory', '0'),
  },
  {
    code: 'NOREPLICAS',
    refuse: (admin) => admin.config('SET', 'min-replicas-to-write', '1'),
    accept: (admin) => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    code: 'MISCONF',
    redis: { args: ['--save', '3600 1', '--stop-writes-on-bgsave-error', 'yes'] },
    refuse: async (admin) => {
      // A folder in the place of the file makes every save fail, for root as well.
      const [, dir = ''] = (await admin.config('GET', 'dir')) as [string, string];
      mkdirSync(join(dir, 'dump.rdb', 'full'), { recursive: true });
      await admin.bgsave();
      await eventually(
        () => admin.info('persistence'),
        (info) => info.includes('rdb_last_bgsave_status:err'),
      );
    },
    accept: async (admin) => {
      const [, dir = ''] = (await admin.config('GET', 'dir')) as [string, string];
      rmSync(join(dir, 'dump.rdb'), { recursive: true });
      await admin.bgsave();
    },
  },
];

for (const { code, redis: options = {}, refuse, accept } of refusals) {
  test(`a Redis that refuses writes (${code}) costs no request, and everyone is told once`, async (t) => {
    const redis = await startRedis(t, options);
    const admin = client(t, redis);
    const { balancer, gateways, load } = await underLoad(t, redis.url);
    await refuse(admin, redis);
    await told(balancer, code);
    await outlast(load);
    const servers = (await balancer.api('GET', '/v1/servers')) as ServerAnswer[];
    t.match(servers, [
      { id: 'a', state: 'ready', health: 'up', reason: /lease ended/ },
      { id: 'b', state: 'ready', health: 'up', reason: /lease ended/ },
    ]);
    await known(t, balancer, code);
    const status = await operate(t, balancer, 'status');
    t.match(status.out, new RegExp(`registry: it refuses writes: .*${code}`));
    t.match(status.out, /its lease ended; it still passes its health checks \(\d+ s ago\)/);
    for (const { lines } of gateways)
      t.equal(lines.filter(({ msg }) => /refuses writes/.test(String(msg))).length, 1, 'each gateway logs it once');
    t.equal(balancer.process.log.filter(({ msg }) => /refuses writes/.test(msg ?? '')).length, 1, 'the balancer logs it once');
    t.equal((await fetch(`${balancer.control}/readyz`)).status, 200, 'the balancer can serve');

    await gateways[0]?.die();
    load.recount();
    await eventually(
      () => balancer.api('GET', '/v1/servers/a') as Promise<ServerAnswer>,
      ({ health }) => health === 'down',
      { what: 'the server that died to be taken out' },
    );

    await accept(admin, redis);
    await balancer.process.logged((line) => line.msg === 'the registry takes writes again');
    await eventually(
      () => balancer.api('GET', '/v1/servers/b') as Promise<ServerAnswer>,
      ({ leaseEndedAt, reason }) => leaseEndedAt === undefined && reason === undefined,
    );
    const { wrong, sent } = await load.stop();
    t.comment(`${wrong.length} of ${sent} requests failed`);
    t.strictSame(
      wrong.filter((line) => !/^POST .*502/.test(line)),
      [],
    );
    t.ok(wrong.length <= 8, 'at most the POSTs in flight on the server that died');
  });
}

test('a Redis user that may no longer write costs no request', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis);
  await admin.acl('SETUSER', 'sluice', 'on', '>sluice-password', '~*', '&*', '+@all');
  const { balancer, load } = await underLoad(t, `redis://sluice:sluice-password@127.0.0.1:${redis.port}`);
  await admin.acl('SETUSER', 'sluice', '-zadd');
  await told(balancer, 'script');
  await outlast(load);
  await known(t, balancer, 'acl log');
  t.strictSame((await load.stop()).wrong, []);
});

test('the password of the Redis user is changed under the feet of everyone: no request is lost', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis);
  await admin.acl('SETUSER', 'sluice', 'on', '>old-password', '~*', '&*', '+@all');
  const { balancer, load } = await underLoad(t, `redis://sluice:old-password@127.0.0.1:${redis.port}`);
  await admin.acl('SETUSER', 'sluice', 'resetpass', '>new-password');
  await admin.client('KILL', 'USER', 'sluice');
  await balancer.process.logged((line) => /cannot be read/.test(line.msg ?? ''));
  await balancer.process.logged((line) => /WRONGPASS/.test(JSON.stringify(line)));
  await outlast(load);
  t.equal((await load.stop()).wrong.length, 0);
});

test('the gateways alone cannot reach Redis any more: they keep their traffic while they pass their checks', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis);
  for (const user of ['balancer', 'gateway']) await admin.acl('SETUSER', user, 'on', '>password', '~*', '&*', '+@all');
  const urlOf = (user: string) => `redis://${user}:password@127.0.0.1:${redis.port}`;
  const { balancer, gateways, load } = await underLoad(t, urlOf('balancer'), urlOf('gateway'));
  await admin.acl('DELUSER', 'gateway');
  await outlast(load);
  // The lease of each gateway ends in its own time.
  await eventually(
    async () => (await fetch(`${balancer.control}/metrics`)).text(),
    (metrics) => metrics.includes('sluice_environment_servers_without_lease{environment="production"} 2'),
    { what: 'both leases to have ended' },
  );
  t.match(await balancer.api('GET', '/v1/servers'), [
    { state: 'ready', health: 'up', reason: /lease ended/ },
    { state: 'ready', health: 'up', reason: /lease ended/ },
  ]);
  t.match(await balancer.api('GET', '/v1/registry'), { up: true, refuses: null }, 'Redis itself is well');
  t.match(await operate(t, balancer, 'server', 'list'), { out: /a +production +ready +up/ });
  await gateways[0]?.die();
  await eventually(
    () => balancer.api('GET', '/v1/servers/a') as Promise<ServerAnswer>,
    ({ state }) => state === 'lost',
    { what: 'the server that died to be lost as soon as its checks fail' },
  );
  const { wrong } = await load.stop();
  t.ok(wrong.length <= 8 && wrong.every((line) => /^POST .*502/.test(line)), wrong.join(' | '));
});

test('without health checks, servers whose leases ended keep their traffic until they fail', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis);
  for (const user of ['balancer', 'gateway']) await admin.acl('SETUSER', user, 'on', '>password', '~*', '&*', '+@all');
  const urlOf = (user: string) => `redis://${user}:password@127.0.0.1:${redis.port}`;
  const { balancer, gateways, load } = await underLoad(t, urlOf('balancer'), urlOf('gateway'), { health: 'off' });
  await admin.acl('DELUSER', 'gateway');
  await outlast(load);
  t.match(await balancer.api('GET', '/v1/servers/a'), { state: 'ready', reason: /still answers requests/ });
  await gateways[0]?.die();
  await eventually(
    () => balancer.api('GET', '/v1/servers/a') as Promise<ServerAnswer>,
    ({ state }) => state === 'lost',
    { what: 'the server that died to be lost at its first failed exchange' },
  );
  const { wrong } = await load.stop();
  t.ok(wrong.length <= 8 && wrong.every((line) => /^POST .*502/.test(line)), wrong.join(' | '));
});

test('a balancer that starts while the registry refuses writes serves the servers that answer', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis);
  const { balancer, load } = await underLoad(t, redis.url);
  await admin.config('SET', 'maxmemory', '1');
  await told(balancer, 'OOM');
  await outlast(load);
  await load.stop();
  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  const again = await balancer.again();
  await serving(again, ['a', 'b']);
  const second = new Load(again.address, '/echo/', { restMs: 100 });
  await second.more(200);
  t.strictSame((await second.stop()).wrong, []);
});

test('an embedded registry that cannot write its folder costs no request', async (t) => {
  const { balancer, load } = await underLoad(t);
  const data = join(balancer.folder, 'data');
  // A folder in the place of the journal and the drafts makes every write fail, for root as well; a folder without permission is what others see.
  rmSync(join(data, 'registry.journal'), { force: true });
  for (const draft of ['registry.json.new', 'registry.json.probe', 'registry.journal'])
    mkdirSync(join(data, draft, 'taken'), { recursive: true });
  chmodSync(data, 0o500);
  t.teardown(() => chmodSync(data, 0o700));
  await told(balancer, 'registry.json cannot be written');
  await outlast(load);
  await known(t, balancer, 'registry.json cannot be written');
  await t.rejects(balancer.api('PUT', '/v1/environments/other', { listen: '127.0.0.1:1' }), /503/);
  t.strictSame((await load.stop()).wrong, []);
});

/** Starts a balancer and the gateways `a` and `b` with short leases, with a load on them. */
async function underLoad(
  t: Test,
  registryUrl?: string,
  gatewayUrl = registryUrl,
  environment: Record<string, unknown> = {},
): Promise<{ balancer: BalancerUnderTest; gateways: ShortLeased[]; load: Load }> {
  const target = await startTarget(t);
  const production = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '200ms', timeout: '10s' }, ...environment };
  const balancer = await startBalancer(t, registryUrl === undefined ? {} : { registry: { url: registryUrl } }, { production });
  await deployEcho(balancer, target.url);
  const gateways = await Promise.all(['a', 'b'].map((id) => startShortLeased(t, id, gatewayUrl ?? balancer.control)));
  await serving(balancer, ['a', 'b']);
  // Without health checks servers are known a moment before they are in rotation.
  await eventually(
    async () => (await fetch(`http://${balancer.address}/echo/first`)).status,
    (status) => status === 200,
    { what: 'a first request to be served' },
  );
  const load = new Load(balancer.address, '/echo/', { restMs: 100 });
  t.teardown(() => load.stop());
  await load.more(50);
  return { balancer, gateways, load };
}

/** Keeps up the present state for several leases. */
async function outlast(load: Load): Promise<void> {
  await pause(4 * ttl);
  load.recount();
  await load.until(({ by }) => by.has('a') && by.has('b'));
}

async function told(balancer: BalancerUnderTest, words: string): Promise<void> {
  await balancer.process.logged((line) => /refuses writes/.test(line.msg ?? '') && String(line['reason']).includes(words));
}

/** Asserts that API and metrics say that the registry refuses writes. */
async function known(t: Test, balancer: BalancerUnderTest, words: string): Promise<void> {
  const { up, refuses } = (await balancer.api('GET', '/v1/registry')) as RegistryAnswer;
  t.equal(up, true);
  t.ok(refuses?.includes(words), refuses ?? 'it takes writes');
  t.match(await (await fetch(`${balancer.control}/metrics`)).text(), /sluice_registry_writable 0/);
}

function client(t: Test, redis: RedisServer): Redis {
  const admin = new Redis(redis.url).on('error', () => {});
  t.teardown(() => admin.disconnect());
  return admin;
}
