import t from 'tap';
import { Director } from '../../src/balancer/director.ts';
import type { TableEnvironment } from '../../src/balancer/table.ts';
import type { Probe, ProbeResult } from '../../src/health/probe.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { FakeRegistry } from './fake-registry.ts';

const passed: ProbeResult = { passed: true, status: 200 };
const hung: ProbeResult = { passed: false, failure: 'hung', reason: 'timed out after 1000 ms: connected, but no answer' };

async function setUp(prepare: (registry: FakeRegistry) => void = () => {}, own: readonly string[] = []) {
  const clock = new FakeClock();
  const registry = new FakeRegistry();
  const { logger, lines } = keptLogger();
  prepare(registry);
  /** Addresses that fail their checks. */
  const sick = new Set<string>();
  const asked: string[] = [];
  const ask = ({ address }: Probe, _: unknown, done: (result: ProbeResult) => void) => {
    asked.push(address);
    queueMicrotask(() => done(sick.has(address) ? hung : passed));
    return () => {};
  };
  const tables = new Map<string, TableEnvironment>();
  let applied = 0;
  const director = new Director(
    { registry, clock, logger, random: () => 0.5, ask, own },
    {
      apply(table) {
        applied++;
        tables.set(table.name, table);
      },
      remove: (name) => void tables.delete(name),
    },
  );
  const starting = director.start();
  await clock.pass(0);
  await starting;
  await clock.pass(10);
  const tell = async (name: string) => {
    registry.tell({ kind: 'server', name });
    await clock.pass(20);
  };
  /** `id` for a server in rotation and well, `id:health` for one that is not well, in brackets if out of rotation. */
  const seen = (name = 'production') =>
    tables
      .get(name)
      ?.servers.map(({ id, serving, health }) => (serving ? (health === 'up' ? id : `${id}:${health}`) : `(${id})`))
      .join(' ');
  return { clock, registry, lines, sick, asked, director, tables, seen, tell, applied: () => applied };
}

t.test('a server is in rotation once it acknowledged a snapshot and passed a check', async (t) => {
  const { clock, registry, seen, tell, asked } = await setUp((fresh) => fresh.put('production'));
  t.equal(seen(), '');
  registry.joinUnready('a');
  await tell('a');
  t.equal(seen(), '(a)');
  t.strictSame(asked, [], 'nor is it asked before that');
  registry.join('a');
  await tell('a');
  t.equal(seen(), 'a');
  registry.join('sick', { address: '127.0.0.1:1' });
  await clock.pass(6000);
  t.equal(seen(), 'a sick');
});

t.test('one that fails its first checks never was in rotation', async (t) => {
  const { clock, sick, registry, seen, tell, tables, lines } = await setUp((fresh) => fresh.put('production'));
  sick.add('127.0.0.1:9101');
  registry.join('a');
  await tell('a');
  t.equal(seen(), '(a)');
  await clock.pass(5000);
  t.equal(seen(), '(a)');
  t.match(tables.get('production')?.servers[0], { health: 'down', reason: /timed out/ });
  t.match(
    lines.filter(({ msg }) => msg === 'server down'),
    [{ server: 'a', environment: 'production', failure: 'hung' }],
    'told once',
  );
});

t.test('one that was well and falls ill stays a member, so that panic may use it', async (t) => {
  const { clock, sick, seen } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  t.equal(seen(), 'a');
  sick.add('127.0.0.1:9101');
  await clock.pass(10_000);
  t.equal(seen(), 'a:down');
  sick.clear();
  await clock.pass(5_000);
  t.equal(seen(), 'a');
});

t.test('draining, leaving, moving and lost ones are out; back from draining, a check comes first', async (t) => {
  const { clock, registry, sick, seen, tell } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['draining', 'leaving', 'lost', 'moving', 'stays']) fresh.join(id);
  });
  t.equal(seen(), 'draining leaving lost moving stays');
  registry.join('draining', { draining: true });
  registry.join('leaving', { leaving: true });
  registry.join('moving', { movingTo: null });
  registry.join('lost', { leaseRemaining: -5 });
  for (const id of ['draining', 'leaving', 'moving']) await tell(id);
  // Until the lease that it was seen to have is over by this process's own clock, too.
  await clock.pass(16_000);
  t.equal(seen(), '(draining) (leaving) (lost) (moving) stays');
  sick.add('127.0.0.1:9101');
  registry.join('draining');
  await tell('draining');
  t.match(seen(), /\(draining\)/);
});

t.test('a new instance or address must prove itself again', async (t) => {
  const { registry, sick, seen, tell } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
    fresh.join('b', { address: '127.0.0.1:2' });
  });
  t.equal(seen(), 'a b');
  sick.add('127.0.0.1:9101');
  sick.add('127.0.0.1:3');
  registry.join('a', { instance: 'second' });
  await tell('a');
  t.equal(seen(), '(a) b');
  registry.join('b', { address: '127.0.0.1:3' });
  await tell('b');
  t.equal(seen(), '(a) (b)');
});

t.test('who has nothing deployed yet gets nothing while others have', async (t) => {
  const { registry, seen, tell } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['a', 'b']) fresh.join(id, { running: { epoch: 'e', version: 0, hash: 'none' } });
  });
  t.equal(seen(), 'a b', 'where nothing is deployed all are alike');
  registry.join('a');
  await tell('a');
  t.equal(seen(), 'a (b)');
  registry.join('b');
  await tell('b');
  t.equal(seen(), 'a b');
});

t.test('health off: trusted as soon as it is ready', async (t) => {
  const { seen, asked } = await setUp((fresh) => {
    fresh.put('production', { health: 'off', servers: [{ id: 'legacy', address: '127.0.0.1:5' }] });
    fresh.join('a');
  });
  t.equal(seen(), 'a legacy');
  t.strictSame(asked, []);
});

t.test('static servers and those that register by HTTP need only pass a check', async (t) => {
  const { registry, seen, tell, tables } = await setUp((fresh) => {
    fresh.put('production', { servers: [{ id: 'legacy', address: '127.0.0.1:5', weight: 3 }] });
    fresh.joinUnready('web', { source: 'http' });
  });
  t.equal(seen(), 'legacy web');
  t.match(tables.get('production')?.servers[0], { weight: 3, address: '127.0.0.1:5' });
  registry.join('legacy', { address: '127.0.0.1:6' });
  await tell('legacy');
  t.match(tables.get('production')?.servers[0], { address: '127.0.0.1:6' }, 'who registers under that id takes its place');
});

t.test('changed settings keep what is known; what did not change is not told again', async (t) => {
  const { clock, registry, seen, applied, asked } = await setUp((fresh) => {
    fresh.put('production');
    fresh.put('development');
    fresh.join('a');
  });
  const before = applied();
  registry.put('production', { health: { interval: '10s' }, balance: 'hash' });
  registry.tell({ kind: 'environment', name: 'production' });
  await clock.pass(8);
  t.equal(applied(), before, 'not told twice within a burst');
  await clock.pass(4);
  t.equal(applied(), before + 1);
  t.equal(seen(), 'a');
  for (let round = 0; round < 5; round++) {
    registry.tell({ kind: 'resync' });
    await clock.pass(100);
  }
  t.equal(applied(), before + 1);
  asked.length = 0;
  await clock.pass(10_000);
  t.equal(asked.length, 1, 'the new interval counts');
});

t.test('an environment that goes takes its checks along', async (t) => {
  const { clock, registry, tables, asked } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  registry.stored.environments.clear();
  registry.tell({ kind: 'environment', name: 'production' });
  await clock.pass(20);
  t.equal(tables.size, 0);
  asked.length = 0;
  await clock.pass(20_000);
  t.strictSame(asked, []);
});

t.test('a suspicion leads to a verdict within half a second', async (t) => {
  const { clock, sick, seen, director } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  sick.add('127.0.0.1:9101');
  director.suspect('production', 'a');
  director.suspect('production', 'stranger');
  await clock.pass(500);
  t.equal(seen(), 'a:down');
});

t.test('who is accused is out for everybody, and comes back in time; a new instance is not blamed', async (t) => {
  const { clock, tables, director, registry, tell } = await setUp((fresh) => {
    fresh.put('production');
    for (const id of ['a', 'b']) fresh.join(id);
  });
  const standing = () =>
    tables
      .get('production')
      ?.servers.map(({ id, ejected, wellSince }) => `${id}${ejected ? ' ejected' : ''}${wellSince === undefined ? '' : ' well'}`);
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
  t.strictSame(standing(), ['a ejected', 'b well']);
  t.match(tables.get('production')?.servers[0]?.reason, /status 500/);
  const since = (server: number) => tables.get('production')?.servers[server]?.wellSince ?? Number.NaN;
  t.ok(since(1) < began, 'b as before');
  await clock.pass(30_000);
  t.strictSame(standing(), ['a well', 'b well']);
  t.ok(since(0) > began + 29_000, 'anew');
  director.report(about);
  await clock.pass(10);
  registry.join('a', { instance: 'a-2' });
  await tell('a');
  t.strictSame(standing(), ['a well', 'b well']);
});

t.test('the table survives JSON', async (t) => {
  const { tables } = await setUp((fresh) => {
    fresh.put('production', { hosts: ['a.example'], servers: [{ id: 'legacy', address: '127.0.0.1:5' }] });
    fresh.join('a');
  });
  const table = tables.get('production');
  t.strictSame(JSON.parse(JSON.stringify(table)), table);
});

t.test('stopped, nothing is left running', async (t) => {
  const { clock, director, registry } = await setUp((fresh) => {
    fresh.put('production');
    fresh.join('a');
  });
  director.stop();
  t.equal(clock.pending, 0);
  t.equal(registry.watchers, 0);
});

t.test('environments of its own configuration are told first, whatever their order in the registry', async (t) => {
  const { tables } = await setUp(
    (fresh) => {
      for (const name of ['added', 'main', 'other', 'second']) fresh.put(name);
    },
    ['second', 'main'],
  );
  t.strictSame([...tables.keys()], ['main', 'second', 'added', 'other']);
});
