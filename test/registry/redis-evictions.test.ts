import { Redis } from 'ioredis';
import t from 'tap';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { api, persistently, request } from '../contract/registry-samples.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';

/** More projects than the environment's own document holds. */
const many = 70;

for (const key of ['deployment', 'claim']) {
  t.test(`many deployments are restored after Redis evicted the key "${key}"`, async (t) => {
    const { url } = await startRedis(t);
    const registry = await openRegistry({ url, logger });
    t.teardown(() => registry.close());
    const admin = new Redis(url);
    t.teardown(() => admin.disconnect());
    await registry.putEnvironment('production', { balance: 'hash' });
    await registry.putEnvironment('other', {});
    for (let index = 100; index < 100 + many; index++) {
      await registry.pushProject(api(`api-${index}`));
      await registry.deploy('production', `api-${index}`);
    }
    await registry.deploy('other', 'api-100');
    const before = await registry.snapshot('production');
    await persistently(() => registry.join(request('one', { environment: 'production' })));

    await admin.del(`{sluice}:${key}`);
    await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'not-found' });
    const { epoch } = await registry.snapshotId('production');
    t.not(epoch, before.epoch, 'another epoch, so that servers offer what they run');
    t.equal((await registry.snapshotId('production')).epoch, epoch, 'which stays');
    const lost = await registry.snapshot('production');
    t.same(lost.projects, []);
    t.match(await registry.environment('production'), { spec: { balance: 'hash' } }, 'the settings are kept');
    t.match(
      await registry.snapshot('other'),
      { projects: [{ name: 'api-100' }] },
      'few deployments are in the document of their environment',
    );

    t.ok(await registry.restore(before));
    const after = await registry.snapshot('production');
    t.same(after.projects, before.projects);
    t.ok(after.version > before.version);
    await registry.pushProject(api('rival', { basePath: '/api-105' }));
    await t.rejects(registry.deploy('production', 'rival'), { code: 'base-path-taken' });
    t.notOk(await registry.restore({ ...before, version: before.version - 1 }), 'an older offer changes nothing');
  });
}

t.test('consumers stay in the tree that gateway servers read after Redis evicted the key "callers"', async (t) => {
  const { url } = await startRedis(t);
  const registry = await openRegistry({ url, logger });
  t.teardown(() => registry.close());
  const admin = new Redis(url);
  t.teardown(() => admin.disconnect());
  await registry.consumers?.putProduct('gold', { projects: ['shop'] });
  for (let index = 0; index < 20; index++) await registry.consumers?.putConsumer(`c-${index}`, {});
  await admin.del('{sluice}:callers');
  t.equal((await registry.callers.id()).hash, undefined, 'gateway servers keep what they know');
  await registry.consumers?.putConsumer('another', {});
  await registry.consumers?.deleteConsumer('another');
  const [root] = await registry.callers.parts(['root']);
  const count = Object.values(JSON.parse(root?.text ?? '').children as Record<string, [string, number]>).reduce(
    (sum, [, below]) => sum + below,
    0,
  );
  t.equal(count, 20);
  t.match(root?.text, /"products"/);
});
