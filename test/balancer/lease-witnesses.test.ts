import t from 'tap';
import { liveServer } from '../control/control-under-test.ts';
import { setUp } from './director-under-test.ts';

t.test('a server whose lease ended stays in rotation while it passes its checks, and is out as soon as they fail', async (t) => {
  const { clock, registry, failing, rotation, tables, lines } = await setUp((fresh) => {
    fresh.put('production');
    for (const [index, id] of ['a', 'b', 'c'].entries()) fresh.join(id, { address: `127.0.0.1:${index + 1}` });
  });
  for (const [index, id] of ['a', 'b'].entries()) registry.join(id, { address: `127.0.0.1:${index + 1}`, leaseRemaining: -1 });
  await clock.pass(20_000);
  t.equal(rotation(), 'a b c');
  t.match(tables.get('production')?.servers[0], { reason: /lease ended; it still passes/, leaseEndedAt: Number });
  t.notOk('leaseEndedAt' in (tables.get('production')?.servers[2] ?? {}));
  t.match(
    lines.filter(({ msg }) => /leases ended/.test(String(msg))),
    [{ environment: 'production', count: 2, servers: ['a', 'b'] }],
    'logged once for both',
  );
  failing.add('127.0.0.1:1');
  await clock.pass(10_000);
  t.equal(rotation(), '(a) b c', 'not even panic mode uses it');
  failing.clear();
  await clock.pass(10_000);
  t.equal(rotation(), 'a b c', 'it answers again');
  registry.join('b', { address: '127.0.0.1:2' });
  await clock.pass(6_000);
  t.notOk('leaseEndedAt' in (tables.get('production')?.servers[1] ?? {}));
});

t.test('another server at the address of a server whose lease ended is not taken for that one', async (t) => {
  const { clock, registry, rotation } = await setUp((fresh) => {
    fresh.put('production');
    fresh.put('staging');
    fresh.join('a', { address: '127.0.0.1:1' });
    fresh.join('b', { address: '127.0.0.1:2' });
  });
  registry.join('a', { address: '127.0.0.1:1', leaseRemaining: -1 });
  registry.join('successor', { address: '127.0.0.1:1', environment: 'staging', startedAt: 5 });
  await clock.pass(20_000);
  t.equal(rotation(), '(a) b');
  t.equal(rotation('staging'), 'successor');
  registry.join('successor', { address: '127.0.0.1:1', environment: 'staging', startedAt: 5, leaseRemaining: -1 });
  await clock.pass(20_000);
  t.equal(rotation(), '(a) b', 'nor when both leases have ended');
  t.equal(rotation('staging'), 'successor');
});

t.test('the news of a server in one environment is enough to find that a lost server of another one is not there any more', async (t) => {
  const { clock, registry, rotation, announce } = await setUp((fresh) => {
    fresh.put('production');
    fresh.put('staging');
    fresh.join('a', { address: '127.0.0.1:1' });
    fresh.join('b', { address: '127.0.0.1:2' });
  });
  registry.join('a', { address: '127.0.0.1:1', leaseRemaining: -1 });
  await clock.pass(20_000);
  t.equal(rotation(), 'a b');
  registry.join('successor', { address: '127.0.0.1:1', environment: 'staging', startedAt: 5 });
  await announce('successor');
  t.equal(rotation(), '(a) b');
});

t.test('a server whose record vanished without news stays while it passes its checks; one that news names is out', async (t) => {
  const { clock, registry, failing, rotation, announce } = await setUp((fresh) => {
    fresh.put('production');
    for (const [index, id] of ['a', 'b', 'c'].entries()) fresh.join(id, { address: `127.0.0.1:${index + 1}` });
    fresh.join('http', { address: '127.0.0.1:4', source: 'http' });
  });
  registry.stored.servers.clear();
  await clock.pass(6_000);
  t.equal(rotation(), 'a b c', 'a server that registers by plain HTTP leaves by its record alone');
  await announce('a');
  t.equal(rotation(), 'b c');
  failing.add('127.0.0.1:2');
  await clock.pass(15_000);
  t.equal(rotation(), 'c');
  await clock.pass(7_200_000);
  t.equal(rotation(), 'c', 'however long');
});

t.test('without checks, a server whose lease ended stays until an exchange with it fails, or it answers nothing', async (t) => {
  const counts = new Map([
    ['a', liveServer('a', 'production')],
    ['b', liveServer('b', 'production')],
    ['c', liveServer('c', 'production')],
  ]);
  const { clock, registry, rotation, director } = await setUp(
    (fresh) => {
      fresh.put('production', { health: 'off' });
      for (const [index, id] of ['a', 'b', 'c'].entries()) fresh.join(id, { address: `127.0.0.1:${index + 1}` });
    },
    [],
    () => [...counts.values()],
  );
  for (const [index, id] of ['a', 'b', 'c'].entries()) registry.join(id, { address: `127.0.0.1:${index + 1}`, leaseRemaining: -1 });
  await clock.pass(20_000);
  t.equal(rotation(), 'a b c');
  director.suspect('production', 'a');
  await clock.pass(20);
  t.equal(rotation(), '(a) b c');
  for (let answered = 1; answered <= 4; answered++) {
    counts.set('b', liveServer('b', 'production', { active: 1, statuses: [0, 0, answered, 0, 0, 0] }));
    counts.set('c', liveServer('c', 'production', { active: 1 }));
    await clock.pass(5_000);
  }
  t.equal(rotation(), '(a) b (c)');
  registry.join('a', { address: '127.0.0.1:1' });
  await announceAll();
  t.equal(rotation(), 'a b (c)', 'a renewal puts it back');

  async function announceAll() {
    registry.publish({ kind: 'server', name: 'a' });
    await clock.pass(20);
  }
});

t.test('while the registry refuses writes no lease counts, and nothing is removed', async (t) => {
  const { clock, registry, rotation } = await setUp((fresh) => {
    fresh.put('production', { health: 'off' });
    fresh.join('a');
    fresh.join('http', { source: 'http', address: '127.0.0.1:2' });
  });
  registry.link = { up: true, since: clock.now(), refuses: 'OOM: more memory' };
  for (const [id, more] of [
    ['a', {}],
    ['http', { source: 'http', address: '127.0.0.1:2' }],
  ] as const)
    registry.join(id, { ...more, leaseRemaining: -1 });
  await clock.pass(60_000);
  t.equal(rotation(), 'a http');
  registry.stored.servers.clear();
  await clock.pass(60_000);
  t.equal(rotation(), 'a http');
});
