import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { snapshotHash } from '../../src/model/snapshot-hash.ts';
import { FileStore } from '../../src/registry/embedded/file-store.ts';
import { RedisStore } from '../../src/registry/redis/redis-store.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { documentRegistry } from '../../src/registry/rules/document-registry.ts';
import type { Store } from '../../src/registry/store.ts';
import { api, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { JoinPeer, type PeerAnswer } from '../tools/join-peer.ts';
import { mount } from '../tools/mounted.ts';
import { ownFolder } from '../tools/own-folder.ts';
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
  const embedded = (folder: string) => FileStore.open(`${ownFolder(t)}/${folder}`, parts);
  for (const open of [embedded, redis]) {
    const ofManifests = await readByJoins(t, await open('manifests'), true);
    t.ok(ofManifests < 3 * projects + 10 * servers, `${open.name}: ${ofManifests} documents for manifests`);
    const ofSnapshots = await readByJoins(t, await open('snapshots'), false);
    t.ok(ofSnapshots < 5 * projects + 10 * servers, `${open.name}: ${ofSnapshots} documents for whole snapshots`);
  }
});

t.test('servers of an environment that start one after the other share what was read of revisions', async (t) => {
  const { url } = await startRedis(t);
  const redis = async () => {
    const store = new RedisStore({ url, prefix: 'contents', ...parts });
    await store.firstTry;
    return store;
  };
  const embedded = () => FileStore.open(ownFolder(t), parts);
  for (const open of [embedded, redis]) {
    const clock = new FakeClock();
    const store = new CountedStore(await open());
    const registry = documentRegistry({ store, ...parts, clock });
    t.teardown(() => registry.close());
    const deploy = async () => {
      await registry.putEnvironment('production', {});
      for (let index = 0; index < projects; index++) {
        await registry.pushProject(api(`api-${index}`, { version: 'x'.repeat(1000) }));
        await registry.deploy('production', `api-${index}`);
      }
    };
    await deploy();
    const wanted = Array.from({ length: projects }, (_, index) => ({ name: `api-${index}`, revision: 1 }));
    const read = async (start = 0) => {
      const { charactersRead } = await store.during(async () => {
        const contents = await registry.revisions(wanted.slice(start, start + 50), 'production');
        t.match(
          contents,
          wanted.slice(start, start + 50).map(({ name }) => ({ name, revision: 1, fault: undefined, project: { name } })),
        );
      });
      return charactersRead > 20_000;
    };
    t.equal(await read(), true, `${open.name}: the first`);
    await registry.join(request('server-1', { environment: 'production', updates: true }));
    t.equal(await read(), false, 'another');
    t.equal(await read(30), true, 'one that asks for others, too');
    await clock.pass(50_000);
    t.equal(await read(20), false, 'within a minute');
    await clock.pass(59_000);
    t.equal(await read(20), false, 'within a minute after that');
    await clock.pass(61_000);
    t.equal(await read(), true, 'later nothing is kept');
    t.notMatch(
      (await registry.revisions([{ name: 'api-0', revision: 1 }]))[0],
      { fault: /./ },
      'an operator, or a server that reads for itself, gets the same',
    );
    await t.rejects(registry.revisions([{ name: 'api-0', revision: 2 }], 'production'), { code: 'not-found' });
    await registry.undeploy('production', 'api-0');
    await t.rejects(registry.revisions([{ name: 'api-0', revision: 1 }], 'production'), { code: 'not-found' }, 'kept, and not deployed');
  }
});

t.test('contents of lost data are not taken for those of the data that came after it', async (t) => {
  const redis = await startRedis(t);
  const store = new RedisStore({ url: redis.url, prefix: 'lost', ...parts });
  await store.firstTry;
  const registry = documentRegistry({ store, ...parts });
  t.teardown(() => registry.close());
  const admin = new Redis(redis.url);
  t.teardown(() => admin.disconnect());
  for (const version of ['before', 'after']) {
    await registry.putEnvironment('production', {});
    await registry.pushProject(api('shop', { version }));
    await registry.deploy('production', 'shop');
    const [content] = await registry.revisions([{ name: 'shop', revision: 1 }], 'production');
    t.match(content, { project: { version } });
    if (version === 'before') await admin.hdel('{lost}:revision', 'shop@1');
    t.match(
      (await registry.revisions([{ name: 'shop', revision: 1 }], 'production'))[0],
      version === 'before' ? { fault: /lost it/ } : { project: { version } },
    );
    if (version === 'before') await admin.flushall();
  }
});

t.test('at the registration endpoint a few gateways at a time read everything, and the others stay registered', async (t) => {
  const registry = documentRegistry({ store: await FileStore.open(ownFolder(t), parts), ...parts });
  t.teardown(() => registry.close());
  await registry.putEnvironment('production', {});
  const wanted: { name: string; revision: number }[] = [];
  for (let index = 0; index < 257; index++) {
    const { name, revision } = await registry.pushProject(api(`api-${index}`));
    await registry.deploy('production', name);
    wanted.push({ name, revision });
  }
  const clock = new FakeClock();
  const endpoint = new RegistrationEndpoint({ registry, logger, clock, grantOf: () => ({ access: 'join' }) });
  const { url } = await mount(t, () => endpoint);
  const peers = await Promise.all(Array.from({ length: 10 }, () => JoinPeer.connect(t, url, 'join')));
  const [ninth, tenth] = peers.splice(8) as [JoinPeer, JoinPeer];
  const join = { environment: 'production', updates: true };
  const read = (peer: JoinPeer, many: number) => peer.call('revisions', { wanted: wanted.slice(0, many) });

  const first = await Promise.all(peers.map((peer, index) => peer.join(`server-${index}`, join)));
  for (const { result } of first) t.equal(result.update.put.length, 257);
  /** Lets time pass, in which the first eight read, until the call is answered. */
  const meanwhile = async (call: Promise<PeerAnswer>): Promise<PeerAnswer> => {
    let answer: PeerAnswer | undefined;
    void call.then((given) => {
      answer = given;
    });
    for (let round = 0; answer === undefined && round < 20; round++) {
      for (const { result } of await Promise.all(peers.map((peer) => read(peer, 9)))) t.equal(result.length, 9);
      await clock.pass(400);
    }
    return (answer as PeerAnswer | undefined) ?? { error: { code: 'none', message: 'not answered' } };
  };
  const joining = ninth.join('server-8', join);
  await eventually(
    () => registry.server('server-8'),
    (server) => server !== undefined,
  );
  const put = await meanwhile(joining);
  t.match(put.result, { server: { id: 'server-8', environment: 'production' }, later: true });
  t.notOk(put.result.update);
  t.match(await registry.server('server-8'), { environment: 'production' }, 'its lease began');

  const { result: few } = await read(ninth, 8);
  t.equal(few.length, 8, 'few contents need no slot');
  const renewal = (id: string, more: object) => ({ id, instance: `${id}-1`, projects: [], updates: true, ...more });
  const waits = ninth.call('renew', renewal('server-8', {}));
  const { epoch, version, hash } = (first[0] as PeerAnswer).result.update;
  const holds = { epoch, version, hash };
  await peers[0]?.call('renew', renewal('server-0', { running: holds, holds }));
  t.equal((await waits).result.update.put.length, 257, 'the acknowledgement of one is the turn of the next');

  const told = await tenth.join('server-9', { ...join, holds: { ...holds, environment: 'production' } });
  t.match(told.result, { server: { id: 'server-9' }, later: undefined }, 'a gateway that has everything waits for nothing');
  peers[0] = ninth;
  t.same((await meanwhile(read(tenth, 9))).result, [], 'a question that got no slot is answered with nothing');
  ninth.close();
  await ninth.until(() => ninth.closed !== undefined, 'its connection to be closed');
  t.equal((await read(tenth, 9)).result.length, 9, 'a connection that ended frees its slot');
});

t.test('Redis lists deployments in pieces, and what changes meanwhile is as in the version of the manifest', async (t) => {
  const redis = await startRedis(t);
  const open = async () => {
    const store = new RedisStore({ url: redis.url, prefix: 'pieces', ...parts });
    await store.firstTry;
    const registry = documentRegistry({ store, ...parts });
    t.teardown(() => registry.close());
    return registry;
  };
  const registry = await open();
  await registry.putEnvironment('production', {});
  const many = 1300;
  for (let index = 0; index < many; index++) {
    await registry.pushProject(api(`api-${index}`));
    await registry.deploy('production', `api-${index}`);
  }
  const admin = new Redis(redis.url);
  t.teardown(() => admin.disconnect());
  await admin.config('RESETSTAT');
  const reader = await open();
  const { put } = await reader.manifest('production');
  t.same(
    put.map(({ name }) => name),
    Array.from({ length: many }, (_, index) => `api-${index}`).sort(),
  );
  const commands = await admin.info('commandstats');
  t.notMatch(commands, /cmdstat_hgetall:/, 'never all at once');
  t.ok(Number(/cmdstat_hscan:calls=(\d+)/.exec(commands)?.[1]) >= 3, 'in several pieces');

  for (let round = 0; round < 5; round++) {
    const another = await open();
    const listing = another.manifest('production');
    // Fewer than the latest changes that are kept.
    for (let change = 0; change < 25; change++) {
      const name = `api-${(round * 25 + change) * 7}`;
      await registry.undeploy('production', name);
      if (change % 2 === 0) await registry.deploy('production', name);
    }
    const { hash, variables, put } = await listing;
    t.equal(hash, snapshotHash({ variables }, put));
  }
});
