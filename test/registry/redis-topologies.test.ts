import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { deployed, listen, persistently, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';
import { startSentinels } from '../tools/sentinels.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

t.test('works on a Redis Cluster', async (t) => {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
  const [one, two] = [await startRedis(t, { args }), await startRedis(t, { args })];
  const [first, second] = [client(t, one.url), client(t, two.url)];
  await first.cluster('ADDSLOTSRANGE', 0, 8191);
  await second.cluster('ADDSLOTSRANGE', 8192, 16383);
  await first.cluster('MEET', '127.0.0.1', two.port);
  for (const node of [first, second]) {
    await eventually(
      () => node.cluster('INFO'),
      (info) => /cluster_state:ok[\s\S]*cluster_known_nodes:2/.test(info),
    );
  }

  // The keys of the prefixes are on different nodes; the URL names one node.
  for (const prefix of ['sluice', 'other', 'third']) {
    const registry = await open(t, `redis+cluster://127.0.0.1:${one.port}`, prefix);
    t.ok(registry.link.up, prefix);
    const heard = await listen(t, registry);
    const snapshot = await deployed(registry, 'production', 'shop');
    t.same((await registry.join(request('one', { environment: 'production' }))).snapshot, snapshot);
    await registry.renew({ id: 'one', instance: 'one-1', projects: [] });
    await registry.leave('one', 'one-1');
    await heard.until((news) => news.kind === 'server');
    await heard.until((news) => news.kind === 'snapshot' && news.version === 1);
  }
});

t.test('follows a failover by Sentinel', async (t) => {
  const { url, master, replicated } = await startSentinels(t, { count: 1 });
  const registry = await open(t, url);
  t.ok(registry.link.up);
  const snapshot = await deployed(registry, 'production', 'shop');
  await replicated();
  const heard = await listen(t, registry);
  await master.stop();
  await heard.until(({ kind }) => kind === 'resync');
  t.same(await persistently(() => registry.snapshot('production')), snapshot);
  t.match(await persistently(() => registry.undeploy('production', 'shop')), { version: 2 }, 'on the new master');
});

async function open(t: Test, url: string, prefix = 'sluice'): Promise<Registry> {
  const registry = await openRegistry({ url, prefix, logger });
  t.teardown(() => registry.close());
  return registry;
}

function client(t: Test, url: string): Redis {
  const redis = new Redis(url).on('error', () => {});
  t.teardown(() => redis.disconnect());
  return redis;
}
