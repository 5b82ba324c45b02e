import t, { type Test } from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import type { ManifestEntry } from '../../src/model/manifest.ts';
import type { SnapshotId } from '../../src/model/snapshot-id.ts';
import { FileStore } from '../../src/registry/embedded/file-store.ts';
import { RedisStore } from '../../src/registry/redis/redis-store.ts';
import { documentRegistry } from '../../src/registry/rules/document-registry.ts';
import type { Store } from '../../src/registry/store.ts';
import { api, request } from '../contract/registry-samples.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { CountedStore, type StoreCounts } from './counted-store.ts';

t.setTimeout(240_000);

const parts = { clock: systemClock, random: Math.random, logger };
type Costs = Record<'push' | 'deploy' | 'update' | 'contents' | 'rest' | 'followed' | 'undeploy' | 'rollback', StoreCounts>;

/** Counts what each step of a deploy costs when `count` projects are deployed. */
async function costs(t: Test, under: Store, count: number): Promise<Costs> {
  const store = new CountedStore(under);
  const registry = documentRegistry({ store, ...parts });
  t.teardown(() => registry.close());
  await registry.putEnvironment('production', {});
  for (let index = 0; index < count; index++) {
    const { name } = await registry.pushProject(api(`api-${10_000 + index}`));
    await registry.deploy('production', name);
  }
  const { update } = await registry.join(request('one', { environment: 'production', updates: true }));
  t.equal(update?.put.length, count);
  const idOf = ({ epoch, version, hash }: SnapshotId) => ({ epoch, version, hash });
  let holds = idOf(update as SnapshotId);
  const renew = () => registry.renew({ id: 'one', instance: 'one-1', running: holds, holds, projects: [], updates: true });
  await renew();

  const push = await store.during(() => registry.pushProject(api('api-10003', { version: '2' })));
  const deploy = await store.during(() => registry.deploy('production', 'api-10003'));
  let put: readonly ManifestEntry[] = [];
  const before = holds;
  const told = await store.during(async () => {
    const answer = await renew();
    put = answer.update?.put ?? [];
    holds = idOf(answer.update as SnapshotId);
  });
  t.match(put, [{ name: 'api-10003', revision: 2, fallback: { revision: 1 } }]);
  const contents = await store.during(() => registry.revisions(put));
  await renew();
  const rest = await store.during(renew);
  const followed = await store.during(() => registry.manifest('production', before));
  const rollback = await store.during(() => registry.rollback('production', 'api-10003'));
  const undeploy = await store.during(() => registry.undeploy('production', 'api-10003'));
  return { push, deploy, update: told, contents, rest, followed, rollback, undeploy };
}

function bounded(t: Test, few: Costs, many: Costs): void {
  for (const step of Object.keys(few) as (keyof Costs)[]) {
    const [small, large] = [few[step], many[step]];
    t.comment(`${step}: ${JSON.stringify(small)} of 10, ${JSON.stringify(large)} of 1,000 projects`);
    t.ok(large.calls <= small.calls + 2, `${step}: round trips`);
    t.ok(large.read + large.written <= small.read + small.written + 4, `${step}: documents`);
    const octets = ({ charactersRead, charactersWritten }: StoreCounts) => charactersRead + charactersWritten;
    t.ok(octets(large) <= 2 * octets(small), `${step}: ${octets(small)} octets with 10 projects, ${octets(large)} with 1,000`);
  }
}

t.test('a deploy costs the same in Redis, however much is deployed', async (t) => {
  const { url } = await startRedis(t);
  const open = async (prefix: string) => {
    const store = new RedisStore({ url, prefix, ...parts });
    await store.firstTry;
    return store;
  };
  bounded(t, await costs(t, await open('few'), 10), await costs(t, await open('many'), 1000));
});

t.test('a deploy costs the same in the embedded registry, however much is deployed', async (t) => {
  const open = (folder: string) => FileStore.open(`${ownFolder(t)}/${folder}`, parts);
  bounded(t, await costs(t, await open('few'), 10), await costs(t, await open('many'), 1000));
});
