import t from 'tap';
import { Homes } from '../../src/balancer/homes.ts';
import { ServerPool } from '../../src/balancer/server-pool.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeChoice } from '../tools/fake-choice.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { seeded } from '../tools/seeded-random.ts';
import { server, table } from './tables.ts';

const of = (tenant: string, target = '/shop/items?key=k1') =>
  new FakeExchange('GET', target, { 'x-tenant': tenant, cookie: `login=${tenant}`, authorization: `Bearer ${tenant}` });

function setUp(ids = ['a', 'b', 'c']) {
  let now = 0;
  const servers = ids.map((id) => ({ id, weight: 1, available: true }) as Upstream & { available: boolean });
  const choice = new FakeChoice(servers);
  const homes = new Homes(() => now, choice);
  const follow = (next: readonly Upstream[]) => {
    choice.servers = next;
    homes.follow();
  };
  const pick = (exchange: FakeExchange, tried: Upstream[] = []) => (homes.known ? homes.pick(exchange, tried)?.id : undefined);
  return { homes, servers, follow, pick, pass: (ms: number) => (now += ms) };
}

t.test('requests with a value go where a response has told, all others as before', async (t) => {
  const { homes, pick } = setUp();
  t.notOk(homes.known);
  homes.learn(of('acme'), 'header:x-tenant b');
  t.equal(pick(of('acme')), 'b');
  t.equal(pick(of('other')), undefined);
  homes.learn(of('acme'), 'header:x-tenant c');
  t.equal(pick(of('acme')), 'c', 'the home may move');
});

t.test('a home that cannot take the request is passed over', async (t) => {
  const { homes, servers, follow, pick } = setUp();
  homes.learn(of('acme'), 'header:x-tenant b');
  const [a, b] = servers as [Upstream, Upstream & { available: boolean }];
  t.equal(pick(of('acme'), [b]), undefined, 'it has failed already');
  b.available = false;
  t.equal(pick(of('acme')), undefined, 'it is full');
  b.available = true;
  follow([a, { id: 'c', weight: 1, available: true } as Upstream]);
  t.equal(pick(of('acme')), undefined, 'it leaves');
  follow(servers);
  t.equal(pick(of('acme')), 'b', 'it is back');
  follow([b]);
  t.notOk(homes.known, 'with one server there is nothing to choose');
  homes.learn(of('acme'), 'header:x-tenant b');
  t.notOk(homes.known);
});

t.test('every part that gateway servers name is recognized, and nothing else', async (t) => {
  for (const part of ['header:x-tenant', 'header:authorization', 'cookie:login']) {
    const { homes, pick } = setUp();
    homes.learn(of('acme'), `${part} b`);
    t.same([pick(of('acme')), pick(of('other'))], ['b', undefined], part);
  }
  const targets: [string, string, string][] = [
    ['query:key', '/x?key=k1&y=2', '/shop/items?key=k2'],
    ['path:1', '/shop/other', '/shopping/items?key=k1'],
    ['path:2', '/shop/items/7', '/shop/other'],
  ];
  for (const [part, same, other] of targets) {
    const { homes, pick } = setUp();
    homes.learn(of('acme'), `${part} b`);
    t.same([pick(of('x', same)), pick(of('x', other))], ['b', undefined], part);
  }
  const { homes } = setUp();
  for (const told of ['', 'header:x-tenant', 'header:x-tenant nobody', 'body b', 'path:x b', 'header:\u0000 b', 'query:.* b'])
    homes.learn(of('acme'), told);
  t.notOk(homes.known);
});

t.test('no more requests go to a home than its responses confirm, and a few in advance', async (t) => {
  const { homes, pick } = setUp();
  homes.learn(of('acme'), 'header:x-tenant b');
  const sent = (count: number) => Array.from({ length: count }, () => pick(of('acme'))).filter((id) => id === 'b').length;
  const inAdvance = sent(1000);
  t.ok(inAdvance > 10 && inAdvance < 100, `${inAdvance} without a response`);
  homes.learn(of('acme'), 'header:x-tenant b');
  t.equal(sent(1000), 2, 'each response lets two follow');
  for (let round = 0; round < 100; round++) homes.learn(of('acme'), 'header:x-tenant b');
  t.equal(sent(1000), 200);
});

t.test('values are forgotten in time, and their number is bounded', async (t) => {
  const { homes, pick, pass } = setUp();
  homes.learn(of('acme'), 'header:x-tenant b');
  pass(50_000);
  t.equal(pick(of('acme')), 'b');
  pass(50_000);
  t.equal(pick(of('acme')), 'b');
  pass(50_000);
  pick(of('acme'));
  pass(61_000);
  t.equal(pick(of('acme')), undefined);
  t.notOk(homes.known, 'and requests are not looked at any more');
  homes.learn(of('first'), 'header:x-tenant b');
  for (let index = 0; index < 25_000; index++) homes.learn(of(`t${index}`), 'header:x-tenant c');
  t.equal(pick(of('first')), undefined, 'those that were not told for longest go');
  t.equal(pick(of('t24999')), 'c');
});

t.test('a pool sends requests home, whatever its balance, and balances all others', async (t) => {
  const clock = new FakeClock();
  const pool = new ServerPool(table([server('a'), server('b'), server('c')], { balance: 'round-robin' }), {
    ...{ clock, logger, random: seeded(), suspect: () => {}, report: () => {} },
  });
  const picked = (tenant: string) => [...new Set(Array.from({ length: 30 }, () => pool.pick(of(tenant), [])?.id))].sort().join('');
  pool.homed(of('acme'), 'header:x-tenant b');
  t.equal(picked('acme'), 'b');
  t.equal(picked('other'), 'abc');
  pool.apply(table([server('a'), server('b', { health: 'down' }), server('c')], { balance: 'round-robin' }));
  t.equal(picked('acme'), 'ac', 'the home is down');
  pool.apply(table([server('b')], { balance: 'round-robin' }));
  pool.apply(table([server('a'), server('b'), server('c')], { balance: 'round-robin' }));
  t.equal(picked('acme'), 'abc', 'homes are forgotten where there was nothing to choose');
});
