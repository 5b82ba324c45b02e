import t from 'tap';
import type { TableServer } from '../../src/balancer/table.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { poolUnderTest } from './pool-under-test.ts';
import { server, table } from './tables.ts';

t.test('servers that have not changed keep their places in the choice while others change', async (t) => {
  const servers = Array.from('abcdefghijkl', (id) => server(id));
  const { pool, pick, find } = poolUnderTest(table(servers, { balance: 'round-robin' }));
  const change = (more: Partial<TableServer>) => {
    servers[5] = { ...(servers[5] as TableServer), ...more };
    pool.apply(table([...servers], { balance: 'round-robin' }));
  };
  const order = servers.map(() => pick()?.id);
  for (const [index, id] of order.entries()) {
    change({ reason: `reason ${index}` });
    t.equal(pick()?.id, id, 'the rotation goes on where it was');
  }
  const before = servers.map(({ id }) => find(id));
  change({ address: '127.0.0.1:9102' });
  const same = servers.map(({ id }, index) => find(id) === before[index]);
  t.strictSame(
    same,
    servers.map((_, index) => index !== 5),
  );
});

t.test('changed settings reach the servers that have not changed', async (t) => {
  const servers = [server('a', { identity: 'a; instance=a-1; environment=production' }), server('b', { proxyProtocol: 'v1' })];
  const { pool, find, pick } = poolUnderTest(table(servers));
  const [a, b] = [find('a'), find('b')];
  t.ok(a.link);
  t.match([a.maxActive, a.latency], [0, undefined]);
  const spec = {
    balance: 'ewma',
    hop: 'http1',
    limits: { connectionsPerServer: 3 },
    timeouts: { upstreamIdle: '7s', upstreamAge: '8s' },
  } as const;
  const next = table([...servers, server('c')], spec);
  atOnce(pool.prepare(next));
  t.ok(a.link, 'not before the table is in use');
  t.equal(a.maxActive, 0);
  pool.apply(next);
  for (const upstream of [a, b, find('c')]) {
    t.match(upstream, { maxActive: 3, link: undefined, latency: Object }, upstream.id);
    t.equal(upstream.pool.ageMs, 8000);
    // A connection that was introduced with a client's address is kept for nobody.
    t.equal(upstream.pool.idleMs, upstream === b ? 0 : 7000);
  }
  pool.apply(table([...servers], { limits: { connectionsPerServer: 3 } }));
  t.ok(a.link);
  t.match([a.latency, b.latency, b.link], [undefined, undefined, undefined]);
  a.active = b.active = 3;
  t.equal(pick(), undefined);
});

t.test('only servers that may be picked are watched, and only by the present choice', async (t) => {
  const servers = [server('a'), server('b'), server('c')];
  const { pool, find } = poolUnderTest(table(servers, { balance: 'least-connections' }));
  const [a, b, c] = [find('a'), find('b'), find('c')];
  const watcher = a.watcher;
  t.ok(watcher);
  t.strictSame([b.watcher, c.watcher], [watcher, watcher]);
  pool.apply(table([server('a', { health: 'down' }), ...servers.slice(1)], { balance: 'least-connections' }));
  t.equal(a.watcher, undefined);
  t.not(b.watcher, watcher);
  pool.apply(table(servers, { balance: 'least-connections' }));
  t.ok(a.watcher);
  pool.apply(table(servers, { balance: 'round-robin' }));
  t.strictSame([a.watcher, b.watcher, c.watcher], [undefined, undefined, undefined]);
});

t.test('a table that is not sorted keeps the counts of the servers that stay, and loses those that leave', async (t) => {
  const { pool, picked, live, find } = poolUnderTest(table([server('b'), server('a'), server('c')]));
  for (const id of ['a', 'b', 'c']) find(id).requests = 7;
  pool.apply(table([server('c'), server('a'), server('d'), server('b')]));
  t.strictSame(
    ['a', 'b', 'c', 'd'].map((id) => live(id)?.requests),
    [7, 7, 7, 0],
  );
  pool.apply(table([server('d'), server('b')]));
  t.equal(picked(), 'b d');
  t.equal(live('a'), undefined);
  pool.apply(table([server('d'), server('b'), server('a')]));
  t.match([live('a'), live('b')], [{ requests: 0 }, { requests: 7 }], 'one that is back begins anew');
});

t.test('a slow start goes on while other servers change', async (t) => {
  const spec = { slowStart: '10s' } as const;
  const old = { wellSince: 0 };
  const { clock, pool, find } = poolUnderTest(table([server('a', old), server('b', old)], spec));
  const slow = server('c', { wellSince: clock.date() });
  pool.apply(table([server('a', old), server('b', old), slow], spec));
  await clock.pass(5_000);
  t.equal(find('c').weight, 0.5);
  pool.apply(table([server('a', { ...old, weight: 3 }), server('b', old), slow], spec));
  t.strictSame([find('a').weight, find('c').weight], [3, 0.5]);
  await clock.pass(5_000);
  t.equal(find('c').weight, 1);
  t.equal(clock.pending, 0);
});

t.test('with hash, what a table is prepared for is what it would choose unprepared, in slow start too', async (t) => {
  const spec = { balance: 'hash', hash: { on: 'header:x-user' }, slowStart: '10s' } as const;
  const users = Array.from({ length: 200 }, (_, user) => new FakeExchange('GET', '/', { 'x-user': `u${user}` }));
  const owners = ({ pool }: ReturnType<typeof poolUnderTest>) => users.map((user) => pool.pick(user, [])?.id);
  const old = { wellSince: 0 };
  const first = table([server('a', old), server('c', old)], spec);
  const [prepared, plain] = [poolUnderTest(first), poolUnderTest(first)];
  const date = prepared.clock.date();
  const tables = [
    table([server('a', old), server('b', { wellSince: date - 5_000 }), server('c', old)], spec),
    table([server('a', { ...old, health: 'down' }), server('b', { wellSince: date - 5_000 }), server('c', { ...old, weight: 0 })], spec),
    table([server('a', { ...old, address: '127.0.0.1:9102' }), server('b', { wellSince: date - 5_000 }), server('d', old)], spec),
  ];
  for (const next of tables) {
    const before = owners(prepared);
    for (const _ of prepared.pool.prepare(next)) t.strictSame(owners(prepared), before);
    prepared.pool.apply(next);
    plain.pool.apply(next);
    t.strictSame(owners(prepared), owners(plain));
  }
  const weightOfB = () => users.map((user) => prepared.pool.pick(user, [])).find((one) => one?.id === 'b')?.weight ?? 0;
  t.equal(weightOfB(), 0.5);
  // Each step of a slow start takes turns of the event loop.
  while (weightOfB() < 1) await prepared.clock.pass(500);
  const grown = poolUnderTest(table([server('a', old), server('b', old), server('d', old)], spec));
  t.strictSame(owners(prepared), owners(grown));
  for (const { pool } of [prepared, plain, grown]) pool.close();
});

t.test('a client stays with its server while others come and go, prepared or not', async (t) => {
  const spec = { sticky: { cookie: 'sid' } };
  const { pool, find } = poolUnderTest(table([server('a'), server('b')], spec));
  const visit = new FakeExchange('GET', '/');
  pool.respond(visit, find('a'));
  const again = new FakeExchange('GET', '/', { cookie: visit.response.headers.get('set-cookie')?.split(';')[0] ?? '' });
  atOnce(pool.prepare(table([server('a'), server('x')], spec)));
  for (const ids of [
    ['a', 'c'],
    ['a', 'd', 'e'],
    ['a', 'b'],
  ]) {
    const next = table(
      ids.map((id) => server(id)),
      spec,
    );
    if (ids.length > 2) atOnce(pool.prepare(next));
    pool.apply(next);
    t.equal(pool.pick(again, [])?.id, 'a', ids.join());
    const other = new FakeExchange('GET', '/');
    pool.respond(other, find(ids.at(-1) as string));
    t.match(other.response.headers.get('set-cookie'), /^sid=/);
  }
  const off = table([server('a'), server('b')]);
  atOnce(pool.prepare(off));
  t.equal(pool.pick(again, [])?.id, 'a');
  pool.apply(off);
  pool.apply(table([server('a'), server('b')], { sticky: { cookie: 'sid', maxAge: '1h' } }));
  t.equal(pool.pick(again, [])?.id, 'a', 'a token belongs to the server, whatever the settings');
});

t.test('other credentials reach the servers that have not changed, which keep their upstreams', async (t) => {
  const servers = [server('a', { identity: 'a; instance=a-1; environment=production' }), server('b')];
  const by = (certificate: string) => ({ ...table(servers), hop: { certificate, key: 'key', authorities: [] } });
  const { pool, find } = poolUnderTest(by('first'));
  const [a, b] = [find('a'), find('b')];
  for (const isPrepared of [true, false]) {
    const before = a.pool.introduction;
    t.ok(before);
    const next = by(`prepared: ${isPrepared}`);
    if (isPrepared) for (const _ of pool.prepare(next)) t.equal(a.pool.introduction, before);
    pool.apply(next);
    t.not(a.pool.introduction, before);
    t.match([find('a') === a, find('b') === b, a.believed, b.believed, b.pool.introduction], [true, true, true, false, undefined]);
  }
});
