import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { noPart } from '../../src/limits/limit-store.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { deployed, listen, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';
import { textOf } from '../tools/source-files.ts';

const rules = (/^user sluice (.+)$/m.exec(textOf('docs/redis.md'))?.[1] ?? '').split(' ');
const commands = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1));

/** Uses a registry in every way that balancers and gateway servers do: reads, changes, leases, news. */
async function useAll(t: Test, registry: Registry): Promise<void> {
  const heard = await listen(t, registry);
  await deployed(registry, 'production', 'shop');
  // So many that each has a document of its own.
  for (let index = 0; index < 64; index++) await deployed(registry, 'production', `api-${index}`);
  await registry.manifest('production');
  await registry.join(request('one', { environment: 'production' }));
  await registry.renew({ id: 'one', instance: 'one-1', projects: [] });
  await registry.servers();
  await registry.secrets?.put('one', 'sealed', 0);
  await registry.secrets?.list('');
  const rule = { kind: 'slots', limit: 1 } as const;
  await registry.limits?.ask('one', [
    { key: 'k'.repeat(22), rule, version: 'v', back: 0, keep: 0, need: 1, unit: 1, demand: 0, exact: true, ...noPart },
  ]);
  await registry.consumers?.putConsumer('anna', {});
  await registry.consumers?.consumers();
  await registry.callers.id();
  await registry.leave('one', 'one-1');
  await registry.undeploy('production', 'shop');
  await heard.until(({ kind }) => kind === 'snapshot');
  heard.watch.close();
  await registry.deleteEnvironment('production', { force: true });
}

/** Runs `work` on a registry, until it has ended or `enough` resolves to true; then closes the registry, even if the work hangs or failed. */
async function withRegistry(url: string, work: (registry: Registry) => Promise<void>, enough?: () => Promise<boolean>): Promise<void> {
  const registry = await openRegistry({ url, logger });
  const working = work(registry);
  try {
    if (enough === undefined) return await working;
    let ended = false;
    const end = () => {
      ended = true;
    };
    working.then(end, end);
    await eventually(enough, (reached) => ended || reached);
  } finally {
    await registry.close();
  }
}

t.test('the user of docs/redis.md can do what Sluice does', async (t) => {
  const redis = await startRedis(t);
  const admin = client(t, redis.url);
  await admin.acl('SETUSER', 'sluice', ...rules);
  const url = `redis://sluice:sluice-password@127.0.0.1:${redis.port}/0`;
  await withRegistry(url, (registry) => useAll(t, registry));
  t.strictSame(await admin.acl('LOG'), [], 'nothing was refused');
  t.strictSame(
    (await admin.keys('*')).filter((key) => !key.startsWith('{sluice}:')),
    [],
  );

  t.ok(commands.length > 10);
  for (const command of commands) {
    await admin.acl('SETUSER', 'sluice', `-${command}`);
    await admin.acl('LOG', 'RESET');
    await admin.flushall();
    // A refused command is in the log, whether Sluice fails because of it or not.
    await withRegistry(
      url,
      (registry) => useAll(t, registry),
      async () => ((await admin.acl('LOG')) as unknown[]).length > 0,
    );
    t.not(((await admin.acl('LOG')) as unknown[]).length, 0, `${command} is needed`);
    await admin.acl('SETUSER', 'sluice', `+${command}`);
  }
});

t.test('the same on a Cluster, with the commands that the page adds for it', async (t) => {
  const added = [...textOf('docs/redis.md').matchAll(/`(\+cluster\|\w+)`/g)].map(([, rule = '']) => rule);
  t.ok(added.length > 0);
  const redis = await startRedis(t, { args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
  const admin = client(t, redis.url);
  await admin.cluster('ADDSLOTSRANGE', 0, 16383);
  await eventually(
    () => admin.cluster('INFO'),
    (info) => info.includes('cluster_state:ok'),
  );
  await admin.acl('SETUSER', 'sluice', ...rules, ...added);
  await withRegistry(`redis+cluster://sluice:sluice-password@127.0.0.1:${redis.port}`, (registry) => useAll(t, registry));
  t.strictSame(await admin.acl('LOG'), [], 'nothing was refused');
});

function client(t: Test, url: string): Redis {
  const redis = new Redis(url).on('error', () => {});
  t.teardown(() => redis.disconnect());
  return redis;
}
