import t from 'tap';
import type { LeasedServer } from '../../src/model/server.ts';
import { setUp } from './director-under-test.ts';

t.test('what changes in one environment leaves the servers of all others unread', async (t) => {
  let looks = 0;
  const { registry, rotation, announce } = await setUp((fresh) => {
    for (const name of ['production', 'staging', 'test']) fresh.put(name);
    fresh.join('a');
    fresh.join('moving', { address: '127.0.0.1:2', environment: 'staging' });
    fresh.join('other', { address: '127.0.0.1:3', environment: 'test' });
    const record = fresh.stored.servers.get('other') as LeasedServer;
    const watched = new Proxy(record, { get: (of, field) => [looks++, Reflect.get(of, field)][1] });
    fresh.stored.servers.set('other', watched);
  });
  t.not(looks, 0);
  looks = 0;
  registry.join('b', { address: '127.0.0.1:4' });
  await announce('b');
  t.equal(rotation(), 'a b');
  registry.join('moving', { address: '127.0.0.1:2' });
  await announce('moving');
  t.strictSame([rotation(), rotation('staging')], ['a b moving', ''], 'a server that moves leaves its environment at once');
  registry.put('production', { panicThreshold: 0 });
  registry.publish({ kind: 'environment', name: 'production' });
  await announce('a');
  registry.stored.servers.delete('b');
  await announce('b');
  t.equal(rotation(), 'a moving');
  t.equal(looks, 0);
  await announce('other');
  t.not(looks, 0, 'what is named is read');
});

t.test('the table of a thousand servers is made in turns of the event loop, and given to the reader whole', async (t) => {
  const { clock, registry, tables, applied } = await setUp((fresh) => {
    fresh.put('production');
    for (let index = 0; index < 1000; index++) fresh.join(`server-${1000 + index}`);
  });
  const sizes = async () => {
    const seen = new Set<number>();
    for (let turn = 0; turn < 300; turn++) {
      seen.add(tables.get('production')?.servers.length ?? 0);
      await new Promise(setImmediate);
    }
    return [...seen];
  };
  t.strictSame(await sizes(), [1000]);
  const before = tables.get('production')?.servers;
  const calls = applied();
  registry.join('server-2000');
  registry.publish({ kind: 'server', name: 'server-2000' });
  const seen = new Set<number>();
  for (let round = 0; round < 3; round++) {
    await clock.pass(20);
    for (const size of await sizes()) seen.add(size);
  }
  t.equal([...seen].at(-1), 1001);
  t.strictSame(
    [...seen].filter((size) => size < 1000),
    [],
    'never a part of it',
  );
  t.ok(applied() - calls <= 2, `${applied() - calls} tables: with the server, and once it was checked`);
  const after = tables.get('production')?.servers ?? [];
  t.equal(after.filter((server, index) => server === before?.[index]).length, 1000, 'servers that did not change are the same objects');
});
