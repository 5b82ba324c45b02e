import t, { type Test } from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { FileStore } from '../../src/registry/embedded/file-store.ts';
import { RedisStore } from '../../src/registry/redis/redis-store.ts';
import { documentRegistry } from '../../src/registry/rules/document-registry.ts';
import type { Store } from '../../src/registry/store.ts';
import { api, request } from '../contract/registry-samples.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';
import { CountedStore } from './counted-store.ts';

const parts = { clock: systemClock, random: Math.random, logger };
const projects = 80;
const servers = 20;

/** Joins servers at the same moment through a balancer that has just started, and returns how many documents it read for that. */
async function readByJoins(t: Test, under: Store, updates: boolean): Promise<number> {
  const before = documentRegistry({ store: under, ...parts });
  await before.putEnvironment('production', {});
  for (let index = 0; index < projects; index++) {
    await before.pushProject(api(`api-${index}`));
    await before.deploy('production', `api-${index}`);
  }
  const store = new CountedStore(under);
  const registry = documentRegistry({ store, ...parts });
  t.teardown(() => registry.close());
  const joins = Array.from({ length: servers }, (_, index) =>
    request(`server-${index}`, { environment: 'production', ...(updates && { updates }) }),
  );
  const { read } = await store.during(async () => {
    for (const { update, snapshot } of await Promise.all(joins.map((join) => registry.join(join))))
      t.equal((update?.put ?? snapshot?.projects)?.length, projects);
  });
  return read;
}

t.test('servers that join at once share one read of what is deployed', async (t) => {
  const { url } = await startRedis(t);
  const redis = async (prefix: string) => {
    const store = new RedisStore({ url, prefix, ...parts });
    await store.firstTry;
    return store;
  };
  const embedded = (folder: string) => FileStore.open(`${t.testdir()}/${folder}`, parts);
  for (const open of [embedded, redis]) {
    const ofManifests = await readByJoins(t, await open('manifests'), true);
    t.ok(ofManifests < 3 * projects + 10 * servers, `${open.name}: ${ofManifests} documents for manifests`);
    const ofSnapshots = await readByJoins(t, await open('snapshots'), false);
    t.ok(ofSnapshots < 5 * projects + 10 * servers, `${open.name}: ${ofSnapshots} documents for whole snapshots`);
  }
});
