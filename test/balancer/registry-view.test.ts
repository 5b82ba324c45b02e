import t from 'tap';
import { RegistryView } from '../../src/balancer/registry-view.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { FakeRegistry } from './fake-registry.ts';

async function setUp(prepare: (registry: FakeRegistry) => void = () => {}) {
  const clock = new FakeClock();
  const registry = new FakeRegistry();
  const { logger, lines } = keptLogger();
  registry.put('production');
  registry.join('a');
  registry.join('b');
  prepare(registry);
  let changes = 0;
  const membership = new RegistryView({ registry, clock, logger, random: () => 0.5 }, () => {
    changes++;
  });
  const started = membership.start();
  await clock.pass(0);
  /** Registered servers; those that are lost in brackets. */
  const members = () => [...membership.members.values()].map(({ record, lost }) => (lost ? `(${record.id})` : record.id)).join(' ');
  const environments = () => [...membership.environments.keys()].join(' ');
  registry.reads.length = 0;
  return { clock, registry, lines, membership, started, members, environments, changes: () => changes };
}

t.test('reads everything at start', async (t) => {
  const { started, members, environments, membership, changes } = await setUp();
  await started;
  t.equal(members(), 'a b');
  t.equal(environments(), 'production');
  t.ok(membership.known);
  t.equal(changes(), 1);
});

t.test('reads only what news names, once for a burst', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  registry.stored.servers.delete('a');
  for (let round = 0; round < 50; round++) {
    registry.tell({ kind: 'server', name: 'c' });
    registry.tell({ kind: 'server', name: 'a' });
    registry.tell({ kind: 'snapshot', name: 'production', version: round });
    registry.tell({ kind: 'project', name: 'petstore' });
  }
  await clock.pass(10);
  t.strictSame(registry.reads, ['server c', 'server a']);
  t.equal(members(), 'b c');
});

t.test('many names in one burst are read as a whole', async (t) => {
  const { clock, registry, members } = await setUp();
  for (let index = 0; index < 100; index++) {
    registry.join(`s${index}`);
    registry.tell({ kind: 'server', name: `s${index}` });
  }
  await clock.pass(10);
  t.strictSame(registry.reads, ['environments', 'servers']);
  t.equal(members().split(' ').length, 102);
});

t.test('news that comes while it reads is not missed', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.tell({ kind: 'server', name: 'c' });
  const read = registry.server.bind(registry);
  registry.server = async (id) => {
    const before = await read(id);
    registry.join('c');
    registry.tell({ kind: 'server', name: 'c' });
    registry.server = read;
    return before;
  };
  await clock.pass(20);
  t.equal(members(), 'a b c');
});

t.test('a stream of news without a pause does not keep it from reading', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  for (let step = 0; step < 20; step++) {
    registry.tell({ kind: 'server', name: 'c' });
    await clock.pass(1);
  }
  t.equal(members(), 'a b c');
});

t.test('lost news heals within seconds, even while other news keeps coming', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('quiet');
  for (let step = 0; step < 12; step++) {
    registry.tell({ kind: 'server', name: 'a' });
    await clock.pass(500);
  }
  t.match(members(), 'quiet');
});

t.test('a lease that ended means lost', async (t) => {
  const { clock, registry, members } = await setUp();
  await clock.pass(9_000);
  registry.join('a', { leaseRemaining: -1 });
  await clock.pass(5_000);
  t.equal(members(), 'a b', 'it renewed it a moment ago');
  await clock.pass(10_000);
  t.equal(members(), '(a) b');
});

t.test('while the registry is away everybody stays', async (t) => {
  const { clock, registry, members, environments, lines } = await setUp();
  registry.link = { up: false, since: 0 };
  registry.stored.servers.clear();
  registry.stored.environments.clear();
  await clock.pass(600_000);
  t.equal(members(), 'a b');
  t.equal(environments(), 'production');
  t.equal(lines.filter(({ msg }) => /cannot be read/.test(msg)).length, 1, 'said once');
  t.ok(registry.reads.length < 1000, 'and asked for every now and then');
});

t.test('after it comes back empty it is given back what is served, and servers have their lease to show themselves', async (t) => {
  const { clock, registry, members, environments, lines } = await setUp((fresh) => fresh.put('development', { balance: 'ewma' }));
  registry.link = { up: false, since: 0 };
  await clock.pass(60_000);
  registry.stored.servers.clear();
  registry.stored.environments.clear();
  registry.link = { up: true, since: clock.now() };
  registry.tell({ kind: 'resync' });
  await clock.pass(9_000);
  t.equal(members(), 'a b');
  t.equal(environments(), 'production development');
  t.strictSame(registry.stored.environments.get('development')?.input, { balance: 'ewma' }, 'as it was written');
  t.equal(lines.filter(({ msg }) => /lost every environment/.test(msg)).length, 1, 'and it is said');
  registry.join('b');
  await clock.pass(8_000);
  t.equal(members(), 'b');
});

t.test('after it comes back empty, who joins again is known to run what it ran, until it can have said so itself', async (t) => {
  const { clock, registry, membership } = await setUp((fresh) => fresh.join('c'));
  const running = () =>
    [...membership.members.values()].filter(({ record }) => record.running !== undefined).map(({ record }) => record.id);
  registry.link = { up: true, since: clock.now() };
  registry.joinUnready('a');
  registry.joinUnready('b', { instance: 'b-2' });
  registry.joinUnready('c', { environment: 'development' });
  for (const name of ['a', 'b', 'c']) registry.tell({ kind: 'server', name });
  await clock.pass(20);
  t.strictSame(running(), ['a'], 'another instance, or in another environment, has yet to say so');
  await clock.pass(5_500);
  t.strictSame(running(), ['a'], 'however often it is read');
  await clock.pass(10_000);
  t.strictSame(running(), []);
});

t.test('of an environment that is missing after it came back, nobody is rid within ten seconds', async (t) => {
  const { clock, registry, environments } = await setUp((fresh) => fresh.put('development'));
  registry.link = { up: true, since: clock.now() };
  registry.stored.environments.delete('development');
  registry.tell({ kind: 'resync' });
  await clock.pass(4_000);
  t.match(environments(), /development/);
  await clock.pass(12_000);
  t.equal(environments(), 'production');
});

t.test('the last environment that goes by name is gone', async (t) => {
  const { clock, registry, environments } = await setUp();
  registry.stored.environments.clear();
  registry.tell({ kind: 'environment', name: 'production' });
  await clock.pass(20_000);
  t.equal(environments(), '');
  t.equal(registry.stored.environments.size, 0);
});

t.test('a lease that ends is noticed when it does', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('a', { ttl: 1000, leaseRemaining: 1000 });
  registry.tell({ kind: 'server', name: 'a' });
  await clock.pass(500);
  t.equal(members(), 'a b');
  registry.join('a', { ttl: 1000, leaseRemaining: -1 });
  await clock.pass(700);
  t.equal(members(), '(a) b');
});

t.test(
  "leases that end because the registry's clock jumped, and not because time passed, are waited for as long as they were given",
  async (t) => {
    const { clock, registry, members } = await setUp();
    // By an hour: all are over at once, though a moment ago they had ten seconds.
    for (const id of ['a', 'b']) registry.join(id, { leaseRemaining: -3_590_000 });
    registry.tell({ kind: 'resync' });
    await clock.pass(100);
    t.equal(members(), 'a b', 'nobody is taken for gone');
    registry.join('a', { leaseRemaining: 9_000 });
    await clock.pass(15_000);
    t.equal(members(), 'a (b)', 'who does not show up in time is');
  },
);

t.test('a lease is not believed to last longer than leases do, however far the clock was set back', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('a', { leaseRemaining: 3_600_000 });
  registry.tell({ kind: 'resync' });
  await clock.pass(100);
  registry.join('a', { leaseRemaining: -1 });
  await clock.pass(20_000);
  t.match(members(), /\(a\)/);
});

t.test('leases that ended while it was away do not count until they could be renewed', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.link = { up: false, since: 0 };
  await clock.pass(60_000);
  for (const id of ['a', 'b']) registry.join(id, { leaseRemaining: -50_000 });
  registry.link = { up: true, since: clock.now() };
  registry.tell({ kind: 'resync' });
  await clock.pass(9_000);
  t.equal(members(), 'a b');
  registry.join('b');
  await clock.pass(8_000);
  t.equal(members(), '(a) b');
});

t.test('who leaves by name is gone at once, even if the registry just came back', async (t) => {
  const { clock, registry, members, environments } = await setUp((fresh) => fresh.put('development'));
  registry.link = { up: true, since: clock.now() };
  registry.stored.servers.delete('a');
  registry.stored.environments.delete('development');
  registry.tell({ kind: 'server', name: 'a' });
  registry.tell({ kind: 'environment', name: 'development' });
  await clock.pass(10);
  t.equal(members(), 'b');
  t.equal(environments(), 'production');
});

t.test('it waits for a registry that is away at start, and reads as soon as it is back', async (t) => {
  const { clock, registry, membership, members, started } = await setUp((away) => {
    away.link = { up: false, since: 0 };
  });
  await clock.pass(60_000);
  t.notOk(membership.known);
  registry.link = { up: true, since: clock.now() };
  registry.tell({ kind: 'resync' });
  await clock.pass(10);
  t.equal(members(), 'a b');
  await started;
});

t.test('what failed to be read is read later', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  registry.tell({ kind: 'server', name: 'c' });
  registry.link = { up: false, since: 0 };
  await clock.pass(100);
  registry.link = { up: true, since: 0 };
  await clock.pass(400);
  t.equal(members(), 'a b c');
});

t.test('stopped, it neither listens nor reads, and a start under way ends', async (t) => {
  const { clock, registry, membership, started } = await setUp((away) => {
    away.link = { up: false, since: 0 };
  });
  membership.stop();
  await started;
  registry.tell({ kind: 'resync' });
  await clock.pass(60_000);
  t.equal(registry.reads.length, 0);
  t.equal(registry.watchers, 0);
  t.equal(clock.pending, 0);
});
