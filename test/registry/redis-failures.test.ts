import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { bucketOf, textHash } from '../../src/model/caller-tree.ts';
import type { CallerChange, Consumers, Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { api, deployed, listen, persistently, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { keptLogger, silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

t.test('Redis is killed and restarted with its data', async (t) => {
  const redis = await startRedis(t, { persistent: true });
  const registry = await open(t, redis.url);
  const snapshot = await deployed(registry, 'production', 'shop');
  await registry.join(request('one', { environment: 'production' }));
  const heard = await listen(t, registry);
  t.ok(registry.link.up);

  await redis.stop();
  await until(() => !registry.link.up);
  const { since } = registry.link;
  await t.rejects(registry.snapshot('production'), { code: 'unavailable' });
  await redis.start();
  await heard.until(({ kind }) => kind === 'resync');
  t.ok(registry.link.up);
  t.ok(registry.link.since > since);
  t.same(await registry.snapshot('production'), snapshot);
  t.match(await registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { server: { environment: 'production' } });
  t.match(await registry.undeploy('production', 'shop'), { version: 2 }, 'the registry can be changed again');
});

t.test('Redis is restarted empty: the epoch changes, and servers must join again', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  const before = await deployed(registry, 'production', 'shop');
  await registry.join(request('one', { environment: 'production' }));
  const heard = await listen(t, registry);
  await redis.stop();
  await redis.start();
  await heard.until(({ kind }) => kind === 'resync');
  await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'not-found', message: /join again/ });
  await t.rejects(registry.join(request('one', { environment: 'production' })), { code: 'not-found' });
  const after = await deployed(registry, 'production', 'shop');
  t.equal(after.version, before.version);
  t.equal(after.hash, before.hash);
  t.not(after.epoch, before.epoch);
});

t.test('Redis is emptied between two calls: old and new data are not mixed', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  const before = await deployed(registry, 'production', 'shop');
  const admin = client(t, redis.url);
  await admin.flushall();
  await admin.script('FLUSH');
  const after = await deployed(registry, 'production', 'shop');
  t.not(after.epoch, before.epoch);
  t.equal((await registry.snapshot('production')).epoch, after.epoch);
});

t.test('consumers, products and subscriptions are restored from what a balancer knows after Redis has lost its data', async (t) => {
  const redis = await startRedis(t);
  const [one, two] = [await open(t, redis.url), await open(t, redis.url)];
  const [rules, others] = [one.consumers, two.consumers] as [Consumers, Consumers];
  const keys = (key: string) => [{ id: 'k', sha256: textHash(key) }];
  await rules.putProduct('gold', { projects: ['shop'], limit: '5/s' });
  for (let index = 0; index < 60; index++) await rules.putConsumer(`c-${index}`, { keys: keys(`key-${index}`), products: ['gold'] });
  const changes: CallerChange[] = [];
  rules.onChange((some) => changes.push(...some));
  await Promise.all([rules.catchUp(), others.catchUp()]);
  const before = await rules.consumers();
  const { epoch, hash } = await one.callers.id();
  const admin = client(t, redis.url);

  await admin.flushall();
  t.equal((await one.callers.id()).hash, undefined);
  await Promise.all([rules.catchUp(), others.catchUp()]);
  t.same(await rules.consumers(), before);
  t.match(await others.product('gold'), { projects: ['shop'], limit: '5/s' });
  t.equal((await two.callers.id()).hash, hash, 'as gateway servers know them');
  await t.rejects(rules.putConsumer('thief', { keys: keys('key-7') }), { code: 'conflict', message: /consumer "c-7"/ });
  t.same(changes, [], 'no operator has changed anything');

  // Operators go on from there: an offer that comes late undoes nothing.
  await rules.removeKey('c-1', 'k');
  await rules.deleteConsumer('c-2');
  const parts = await one.callers.parts([bucketOf('c-3'), 'products']);
  t.equal(await two.callers.restore?.({ epoch, parts }), false);
  t.same((await others.consumers({ search: 'c-2' })).map(({ name }) => name).includes('c-2'), false);
  await Promise.all([rules.catchUp(), others.catchUp()]);
  t.same(changes.map(({ name, after }) => [name, after === undefined]).sort(), [
    ['c-1', false],
    ['c-2', true],
  ]);

  // A consumer that is made before the restoration stays as it was made; a key that it took stays its own.
  await admin.flushall();
  await others.putConsumer('c-5', { keys: keys('key-6') });
  await rules.catchUp();
  t.same((await rules.consumer('c-5'))?.products, []);
  t.match([(await rules.consumer('c-6'))?.keys, (await rules.consumer('c-7'))?.keys], [[], keys('key-7')]);
  t.equal((await others.consumers()).length, 59);
  t.equal(await two.callers.restore?.({ epoch: (await one.callers.id()).epoch, parts }), false, 'nothing of that registry is lost');
});

t.test('Redis comes back with older data: another revision with the number of a lost one is not mistaken for it', async (t) => {
  const redis = await startRedis(t);
  const admin = new Redis(redis.url);
  t.teardown(() => admin.disconnect());
  const registry = await open(t, redis.url);
  await deployed(registry, 'production', 'shop');
  const older = await Promise.all((await admin.keys('*')).map(async (key) => ({ key, value: await admin.dumpBuffer(key) })));
  /** Pushes and deploys the next revision, as the registry has it, and reads it as servers do. */
  const next = async (version: string) => {
    const { revision } = await registry.pushProject(api('shop', { version }));
    await registry.deploy('production', 'shop', { revision });
    const { put } = await registry.manifest('production');
    const wanted = put.map(({ name, revision, hash }) => ({ name, revision, ...(hash !== undefined && { hash }) }));
    const [content] = await registry.revisions(wanted, 'production');
    t.equal(content?.hash, wanted[0]?.hash, 'the content is the one that is deployed');
    return { revision, hash: wanted[0]?.hash, version: (content?.project as { version: string } | undefined)?.version };
  };
  const lost = await next('lost');
  await admin.flushall();
  for (const { key, value } of older) await admin.restore(key, 0, value);
  const another = await next('another');
  t.strictSame([another.revision, another.version], [lost.revision, 'another']);
  t.not(another.hash, lost.hash);
  t.match(await registry.revision('shop', another.revision), { project: { version: 'another' } });
});

t.test('Redis hangs: calls fail and the link goes down, until it answers again', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  const snapshot = await deployed(registry, 'production', 'shop');
  const heard = await listen(t, registry);
  redis.signal('SIGSTOP');
  const begun = performance.now();
  await t.rejects(registry.snapshot('production'), { code: 'unavailable' });
  await until(() => !registry.link.up);
  t.ok(performance.now() - begun < 6000, 'within seconds');
  redis.signal('SIGCONT');
  await heard.until(({ kind }) => kind === 'resync');
  t.same(await registry.snapshot('production'), snapshot);
});

t.test('a connection that is open but silent is detected', async (t) => {
  const redis = await startRedis(t);
  const proxy = await proxyTo(t, redis.port);
  const registry = await open(t, proxy.url);
  const heard = await listen(t, registry);
  proxy.freezeSubscribers();
  await registry.putEnvironment('production', {});
  await heard.until(({ kind }) => kind === 'resync');
  t.same(heard.all, [{ kind: 'resync' }], 'the news itself was lost');
  await registry.putEnvironment('development', {});
  await heard.until((news) => news.kind === 'environment' && news.name === 'development');
});

t.test('a registry opened while Redis is down works once Redis is up', async (t) => {
  const redis = await startRedis(t);
  await redis.stop();
  const registry = await open(t, redis.url);
  t.notOk(registry.link.up);
  await t.rejects(registry.environments(), { code: 'unavailable' });
  const news: unknown[] = [];
  const watch = registry.watch((item) => news.push(item));
  await redis.start();
  await watch.ready;
  await persistently(() => registry.putEnvironment('production', {}));
  await until(() => news.length > 0);
  t.ok(registry.link.up);
});

t.test('a wrong password is reported and never logged', async (t) => {
  const redis = await startRedis(t, { args: ['--requirepass', 'right'] });
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url: `redis://:wr0ng@127.0.0.1:${redis.port}`, logger });
  t.teardown(() => registry.close());
  t.notOk(registry.link.up);
  await t.rejects(registry.environments(), { code: 'unavailable' });
  t.match(JSON.stringify(lines), /WRONGPASS/);
  t.notMatch(JSON.stringify(lines), /wr0ng/);
  t.ok((await open(t, `redis://:right@127.0.0.1:${redis.port}`)).link.up);
});

t.test('a Redis that may evict keys is warned of, by every process that connects', async (t) => {
  const warned = async (...settings: string[]) => {
    const redis = await startRedis(t, { args: settings });
    const { logger, lines } = keptLogger();
    const registry = await openRegistry({ url: redis.url, logger });
    t.teardown(() => registry.close());
    // The question is asked on the same connection before this one.
    await registry.environments();
    return lines.filter(({ msg }) => /may evict keys/.test(String(msg))).map(({ policy }) => policy);
  };
  t.strictSame(await warned('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'), ['allkeys-lru']);
  t.strictSame(await warned('--maxmemory', '64mb', '--maxmemory-policy', 'noeviction'), []);
  t.strictSame(await warned('--maxmemory', '64mb', '--maxmemory-policy', 'volatile-lru'), [], 'no key of Sluice expires');
  t.strictSame(await warned('--maxmemory-policy', 'allkeys-lru'), [], 'without a limit nothing is evicted');
});

t.test('a Redis that refuses anything that Sluice needs counts as refusing, until it does not', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  await deployed(registry, 'production', 'shop');
  const admin = client(t, redis.url);
  await admin.acl('SETUSER', 'default', 'resetpass', '>secret');
  const url = `redis://sluice:x@127.0.0.1:${redis.port}`;
  await admin.acl('SETUSER', 'sluice', 'on', '>x', '~*', '&*', '+@all');
  const limited = await open(t, url);
  const commands = ['hget', 'hgetall', 'hset', 'zadd', 'zscore', 'time', 'get', 'evalsha'];
  for (const command of commands) {
    await admin.acl('SETUSER', 'sluice', `-${command}`);
    await limited.probe();
    t.match(limited.link, { up: true, refuses: /the Redis user lacks a permission/ }, `without ${command}`);
    await admin.acl('SETUSER', 'sluice', `+${command}`);
    await limited.probe();
    t.equal(limited.link.refuses, undefined);
  }
  for (const key of ['server', 'leases', 'environment', 'generations']) {
    await admin.rename(`{sluice}:${key}`, `{sluice}:kept`).catch(() => {});
    await admin.set(`{sluice}:${key}`, 'of another program');
    await limited.probe();
    t.match(limited.link, { up: true, refuses: /WRONGTYPE.*: another program uses a key of Sluice/ }, `${key} is not what it was`);
    if (key === 'environment')
      await t.rejects(limited.environments(), {
        code: 'unavailable',
        message: /refuses this: WRONGTYPE [^:]*: another program uses a key/,
      });
    await admin.del(`{sluice}:${key}`);
    await admin.rename(`{sluice}:kept`, `{sluice}:${key}`).catch(() => {});
    await limited.probe();
    t.equal(limited.link.refuses, undefined);
  }
  t.match(await limited.environments(), [{ name: 'production' }]);
});

t.test('a damaged document in Redis is named, and other documents are not affected', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  const admin = client(t, redis.url);
  const snapshot = await deployed(registry, 'production', 'shop');
  await registry.pushProject(api('other'));
  await registry.join(request('one', { environment: 'production' }));
  await admin.hset('{sluice}:environment', { broken: '3|{"input"', wrong: '4|{"input":{"listen":7}}', garbage: '\u0000\xff' });
  await admin.hset('{sluice}:server', { two: 'no frame', three: '5|{"id":"three"}' });
  await admin.publish('{sluice}:news', 'no json');
  await admin.publish('{sluice}:news', '{"kind":"surprise"}');

  t.same(
    (await registry.environments()).map(({ name }) => name),
    ['production'],
  );
  t.same(
    (await registry.servers()).map(({ id }) => id),
    ['one'],
  );
  t.same(await registry.snapshot('production'), snapshot);
  for (const name of ['broken', 'wrong', 'garbage']) {
    await t.rejects(registry.environment(name), { code: 'internal', message: new RegExp(`environment document "${name}" is damaged`) });
    await t.rejects(registry.deploy(name, 'shop'), { code: 'internal' });
    await registry.deleteEnvironment(name, { force: true });
    t.equal(await registry.environment(name), undefined);
  }
  await t.rejects(registry.renew({ id: 'two', instance: 'two-1', projects: [] }), { code: 'not-found' });
  for (const id of ['two', 'three']) t.match(await registry.join(request(id)), { server: { id } }, 'a join replaces a damaged record');
  await admin.hset('{sluice}:secret', { cut: '6|{"sealed"', wrong: '7|{}', garbage: 'no frame' });
  for (const name of ['cut', 'wrong', 'garbage']) {
    t.equal(await registry.secrets?.put(name, 'sealed', 5), false, 'a secret that was read is not what is there now');
    t.equal(await registry.secrets?.put(name, 'sealed', 0), true, 'a damaged secret is replaced');
    t.equal(await registry.secrets?.put(name, 'again', 0), false, 'a good one is not');
    t.match(await registry.secrets?.get(name), { sealed: 'sealed' });
  }
  await admin.hset('{sluice}:revision', 'other@1', '9|[]');
  await t.rejects(registry.deploy('production', 'other'), { code: 'internal', message: /"other@1" is damaged/ });
  await admin.hdel('{sluice}:revision', 'other@1');
  await t.rejects(registry.deploy('production', 'other'), { code: 'not-found', message: /was removed/ });
});

t.test('a renewal that changes nothing takes one round trip and makes no news', async (t) => {
  const redis = await startRedis(t);
  const registry = await open(t, redis.url);
  const { epoch, version, hash } = await deployed(registry, 'production', 'shop');
  await registry.join(request('one', { environment: 'production' }));
  const report = { id: 'one', instance: 'one-1', projects: [], running: { epoch, version, hash }, holds: { epoch, version, hash } };
  await registry.renew(report);
  const admin = client(t, redis.url);
  const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
  const heard = await listen(t, registry);
  const before = await calls();
  for (let times = 0; times < 10; times++) await registry.renew(report);
  t.equal((await calls()) - before, 10);
  t.same(heard.all, []);
});

async function open(t: Test, url: string): Promise<Registry> {
  const registry = await openRegistry({ url, logger });
  t.teardown(() => registry.close());
  return registry;
}

function client(t: Test, url: string): Redis {
  const redis = new Redis(url).on('error', () => {});
  t.teardown(() => redis.disconnect());
  return redis;
}

async function until(holds: () => boolean): Promise<void> {
  await eventually(holds, Boolean, { what: `${holds}` });
}

/** Starts a proxy to Redis. After `freezeSubscribers` it drops what Redis sends to subscribers. */
async function proxyTo(t: Test, port: number): Promise<{ url: string; freezeSubscribers(): void }> {
  const subscribers = new Set<Socket>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    sockets.add(client).add(upstream);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('data', (data) => {
      if (/subscribe/i.test(data.toString())) subscribers.add(upstream);
      upstream.write(data);
    });
    upstream.on('data', (data) => client.write(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const freezeSubscribers = () => {
    for (const upstream of subscribers) upstream.removeAllListeners('data').resume();
    subscribers.clear();
  };
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, freezeSubscribers };
}
