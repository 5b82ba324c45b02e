import t from 'tap';
import type { Environment } from '../../src/model/environment.ts';
import { setUp } from './director-under-test.ts';

t.test('a server is in rotation once it acknowledged a snapshot and passed a check', async (t) => {
  const { clock, registry, rotation, announce, checked } = await setUp((fresh) => fresh.put('production'));
  t.equal(rotation(), '');
  registry.joinUnready('a');
  await announce('a');
  t.equal(rotation(), '(a)');
  t.strictSame(checked, [], 'an unready server is not checked');
  registry.join('a');
  await announce('a');
  t.equal(rotation(), 'a');
  registry.join('other', { address: '127.0.0.1:1' });
  await clock.pass(6000);
  t.equal(rotation(), 'a other');
});

t.test('a server that fails its first checks never gets into rotation', async (t) => {
  const { clock, failing, registry, rotation, announce, tables, lines } = await setUp((fresh) => fresh.put('production'));
  failing.add('127.0.0.1:9101');
  registry.join('a');
  await announce('a');
  t.equal(rotation(), '(a)');
  await clock.pass(5000);
  t.equal(rotation(), '(a)');
  t.match(tables.get('production')?.servers[0], { health: 'down', reason: /timed out/ });
  t.match(
    lines.filter(({ msg }) => msg === 'server down'),
    [{ server: 'a', environment: 'production', failure: 'hung' }],
    'logged once',
  );
});

t.test('a server that is down shows the latest reason, and the log has each reason once, eight at most', async (t) => {
  const { clock, failing, reasons, tables, lines, applied } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  const shown = () => tables.get('production')?.servers[0]?.reason;
  const fails = async (reason: string) => {
    reasons.set('127.0.0.1:9101', reason);
    await clock.pass(2300);
  };
  const logged = () => lines.filter(({ msg = '' }) => msg.startsWith('server')).map(({ msg, reason }) => `${msg}: ${reason}`);
  const [refused, expired] = ['connection refused', 'certificate has expired: the server needs a new certificate'];
  failing.add('127.0.0.1:9101');
  await fails(refused);
  await clock.pass(2300);
  lines.splice(
    0,
    lines.findIndex(({ msg }) => msg === 'server down'),
  );
  t.equal(shown(), refused);
  await fails(expired);
  t.match(tables.get('production')?.servers[0], { health: 'down', reason: expired });
  const before = applied();
  await clock.pass(10_000);
  t.equal(applied(), before, 'a reason that stays the same makes no new table');
  for (let round = 0; round < 5; round++) {
    await fails(refused);
    t.equal(shown(), refused);
    await fails(expired);
    t.equal(shown(), expired);
  }
  t.strictSame(logged(), [`server down: ${refused}`, `server still down, for another reason: ${expired}`]);
  for (let port = 1; port <= 20; port++) await fails(`port ${port}`);
  t.equal(shown(), 'port 20');
  t.equal(logged().length, 8, 'a reason that always differs does not fill the log');
  failing.clear();
  await clock.pass(5000);
  t.equal(shown(), undefined);
  failing.add('127.0.0.1:9101');
  await fails(refused);
  await clock.pass(2300);
  t.strictSame(logged().slice(8), ['server up: undefined', `server down: ${refused}`], 'the next time it begins anew');
});

t.test('a server that goes down stays in the table, so that panic mode may use it', async (t) => {
  const { clock, failing, rotation } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  t.equal(rotation(), 'a');
  failing.add('127.0.0.1:9101');
  await clock.pass(10_000);
  t.equal(rotation(), 'a:down');
  failing.clear();
  await clock.pass(5_000);
  t.equal(rotation(), 'a');
});

t.test('draining, leaving, moving and lost servers are out of rotation; after draining, a check must pass first', async (t) => {
  const { clock, registry, failing, rotation, announce } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['draining', 'leaving', 'lost', 'moving', 'stays']) fresh.join(id);
  });
  t.equal(rotation(), 'draining leaving lost moving stays');
  registry.join('draining', { draining: true });
  registry.join('leaving', { leaving: true });
  registry.join('moving', { movingTo: null });
  registry.join('lost', { leaseRemaining: -5 });
  for (const id of ['draining', 'leaving', 'moving']) await announce(id);
  // A lease counts as over only when it has also ended by this process's own clock.
  await clock.pass(16_000);
  t.equal(rotation(), '(draining) (leaving) (lost) (moving) stays');
  failing.add('127.0.0.1:9101');
  registry.join('draining');
  await announce('draining');
  t.match(rotation(), /\(draining\)/);
});

t.test('a new instance or address must pass a check again', async (t) => {
  const { registry, failing, rotation, announce } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
    fresh.join('b', { address: '127.0.0.1:2' });
  });
  t.equal(rotation(), 'a b');
  failing.add('127.0.0.1:9101');
  failing.add('127.0.0.1:3');
  registry.join('a', { instance: 'second' });
  await announce('a');
  t.equal(rotation(), '(a) b');
  registry.join('b', { address: '127.0.0.1:3' });
  await announce('b');
  t.equal(rotation(), '(a) (b)');
});

t.test('a server that runs the empty snapshot gets no traffic while others run projects', async (t) => {
  const { registry, rotation, announce } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['a', 'b']) fresh.join(id, { running: { epoch: 'e', version: 0, hash: 'none' } });
  });
  t.equal(rotation(), 'a b', 'where nothing is deployed, all are in rotation');
  registry.join('a');
  await announce('a');
  t.equal(rotation(), 'a (b)');
  registry.join('b');
  await announce('b');
  t.equal(rotation(), 'a b');
});

t.test('health off: a server is in rotation as soon as it is ready', async (t) => {
  const { rotation, checked } = await setUp((fresh) => {
    fresh.put('production', { health: 'off', servers: [{ id: 'legacy', address: '127.0.0.1:5' }] });
    fresh.join('a');
  });
  t.equal(rotation(), 'a legacy');
  t.strictSame(checked, []);
});

t.test('static servers and servers registered by plain HTTP need only pass a check', async (t) => {
  const { registry, rotation, announce, tables } = await setUp((fresh) => {
    fresh.put('production', { servers: [{ id: 'legacy', address: '127.0.0.1:5', weight: 3 }] });
    fresh.joinUnready('web', { source: 'http' });
  });
  t.equal(rotation(), 'legacy web');
  t.match(tables.get('production')?.servers[0], { weight: 3, address: '127.0.0.1:5' });
  registry.join('legacy', { address: '127.0.0.1:6' });
  await announce('legacy');
  t.match(tables.get('production')?.servers[0], { address: '127.0.0.1:6' }, 'a registered server replaces the static one with its id');
});

t.test('changed settings keep the health of servers; unchanged tables are not applied again', async (t) => {
  const { clock, registry, rotation, applied, checked } = await setUp((fresh) => {
    fresh.put('production');
    fresh.put('development');
    fresh.join('a');
  });
  const before = applied();
  registry.put('production', { health: { interval: '10s' }, balance: 'hash' });
  registry.publish({ kind: 'environment', name: 'production' });
  await clock.pass(8);
  t.equal(applied(), before, 'changes of a burst are coalesced');
  await clock.pass(4);
  t.equal(applied(), before + 1);
  t.equal(rotation(), 'a');
  for (let round = 0; round < 5; round++) {
    registry.publish({ kind: 'resync' });
    await clock.pass(100);
  }
  t.equal(applied(), before + 1);
  checked.length = 0;
  await clock.pass(10_000);
  t.equal(checked.length, 1, 'the new interval applies');
});

t.test('a removed environment is no longer checked', async (t) => {
  const { clock, registry, tables, checked } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  registry.stored.environments.clear();
  registry.publish({ kind: 'environment', name: 'production' });
  await clock.pass(20);
  t.equal(tables.size, 0);
  checked.length = 0;
  await clock.pass(20_000);
  t.strictSame(checked, []);
});

t.test('a failing suspect server is down within half a second', async (t) => {
  const { clock, failing, rotation, director } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  failing.add('127.0.0.1:9101');
  director.suspect('production', 'a');
  director.suspect('production', 'stranger');
  await clock.pass(500);
  t.equal(rotation(), 'a:down');
});

t.test('a reported server is ejected and comes back; a new instance is not ejected', async (t) => {
  const { clock, tables, director, registry, announce } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['a', 'b']) fresh.join(id);
  });
  const states = () =>
    tables
      .get('production')
      ?.servers.map(({ id, ejected, wellSince }) => `${id}${ejected ? ' ejected' : ''}${wellSince === undefined ? '' : ' up'}`);
  const began = clock.date();
  const about = {
    environment: 'production',
    id: 'a',
    instance: 'a-1',
    address: '127.0.0.1:9101',
    failure: 'status',
    reason: 'status 500',
  } as const;
  director.report({ ...about, environment: 'nowhere' });
  director.report(about);
  await clock.pass(10);
  t.strictSame(states(), ['a ejected', 'b up']);
  t.match(tables.get('production')?.servers[0]?.reason, /status 500/);
  const since = (server: number) => tables.get('production')?.servers[server]?.wellSince ?? Number.NaN;
  t.ok(since(1) < began, 'b is unchanged');
  await clock.pass(30_000);
  t.strictSame(states(), ['a up', 'b up']);
  t.ok(since(0) > began + 29_000, 'a starts again');
  director.report(about);
  await clock.pass(10);
  registry.join('a', { instance: 'a-2' });
  await announce('a');
  t.strictSame(states(), ['a up', 'b up']);
});

t.test('a table survives JSON', async (t) => {
  const { tables } = await setUp((fresh) => {
    fresh.put('production', { hosts: ['a.example'], servers: [{ id: 'legacy', address: '127.0.0.1:5' }] });
    fresh.join('a');
  });
  const table = tables.get('production');
  t.strictSame(JSON.parse(JSON.stringify(table)), table);
});

t.test('after stop no timer and no subscription is left', async (t) => {
  const { clock, director, registry } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  director.stop();
  t.equal(clock.pending, 0);
  t.equal(registry.watchers, 0);
});

t.test('environments of the own configuration come first, whatever their order in the registry', async (t) => {
  const { tables } = await setUp(
    (fresh) => {
      for (const name of ['added', 'main', 'other', 'second']) fresh.put(name);
    },
    ['second', 'main'],
  );
  t.strictSame([...tables.keys()], ['main', 'second', 'added', 'other']);
});

t.test('a server that rejected what others serve gets no requests, unless the others are down', async (t) => {
  const { clock, registry, rotation, announce, failing, tables } = await setUp((fresh) => fresh.put('production'));
  const active = [{ name: 'shop', revision: 1, state: 'active' as const }];
  const rejected = [{ name: 'shop', revision: 0, state: 'rejected' as const, error: 'no such variable' }];
  registry.join('a', { projects: active, address: '127.0.0.1:9201' });
  registry.join('b', { projects: rejected });
  for (const id of ['a', 'b']) await announce(id);
  await clock.pass(50);
  t.equal(rotation(), 'a (b)');
  t.match(tables.get('production')?.servers[1], {
    incomplete: true,
    health: 'up',
    reason: 'it serves no revision of shop, which other servers serve',
  });
  failing.add('127.0.0.1:9201');
  await clock.pass(10_000);
  t.equal(rotation(), 'a:down b', 'better 404 for one project than 503 for all');
  failing.clear();
  await clock.pass(10_000);
  t.equal(rotation(), 'a (b)');
  registry.join('b', { projects: [{ ...rejected[0], revision: 1 } as never] });
  await announce('b');
  t.equal(rotation(), 'a b', 'its last accepted revision will do');
});

t.test('a drained static server is out of rotation, and is checked before it is back', async (t) => {
  const servers = ['one', 'two'].map((id, index) => ({ id, address: `127.0.0.1:911${index}` }));
  const { clock, registry, rotation, checked } = await setUp((fresh) => fresh.put('production', { servers }));
  t.equal(rotation(), 'one two');
  const environment = registry.stored.environments.get('production') as Environment;
  registry.stored.environments.set('production', { ...environment, drained: ['two'] });
  registry.publish({ kind: 'environment', name: 'production' });
  await clock.pass(20);
  t.equal(rotation(), 'one (two)');
  checked.length = 0;
  registry.stored.environments.set('production', environment);
  registry.publish({ kind: 'environment', name: 'production' });
  await clock.pass(20);
  t.equal(rotation(), 'one two');
  t.strictSame(checked, ['127.0.0.1:9111']);
});

t.test('another server at the address is out at once, and stays out of panic mode too', async (t) => {
  const { clock, registry, rotation, announce, tables, answers } = await setUp((fresh) => fresh.put('production'));
  registry.join('a', { identifies: true });
  await announce('a');
  t.equal(rotation(), 'a');
  t.equal(tables.get('production')?.servers[0]?.identity, 'a; instance=a-1; environment=production');
  answers.set('127.0.0.1:9101', { id: 's', instance: 's-1', environment: 'staging' });
  await clock.pass(2300);
  t.equal(rotation(), '(a)', 'after one check');
  t.match(tables.get('production')?.servers[0], { health: 'down', reason: /not the server that registered: server "s"/ });
  answers.clear();
  await clock.pass(2600);
  t.equal(rotation(), 'a');
});

t.test('another start of a server is accepted only while it cannot register', async (t) => {
  const { clock, registry, rotation, announce, tables, answers } = await setUp((fresh) => fresh.put('production'));
  registry.join('a', { identifies: true });
  await announce('a');
  answers.set('127.0.0.1:9101', { id: 'a', instance: 'a-2', environment: 'production' });
  await clock.pass(2300);
  t.equal(rotation(), '(a)', 'the registry answers: it must register first');
  registry.link = { up: false, since: clock.now() };
  await clock.pass(2600);
  t.equal(rotation(), 'a');
  t.equal(tables.get('production')?.servers[0]?.identity, 'a; instance=a-2; environment=production', 'connections expect this start');
});
