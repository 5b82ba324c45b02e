import t from 'tap';
import { RegistryView } from '../../src/balancer/registry-view.ts';
import { SluiceError } from '../../src/model/fault.ts';
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
  const view = new RegistryView({ registry, clock, logger, random: () => 0.5 }, () => {
    changes++;
  });
  const started = view.start();
  await clock.pass(0);
  /** Ids of registered servers, lost ones in brackets. */
  const members = () => [...view.members.values()].map(({ record, lost }) => (lost ? `(${record.id})` : record.id)).join(' ');
  const environments = () => [...view.environments.keys()].join(' ');
  registry.reads.length = 0;
  return { clock, registry, lines, view, started, members, environments, changes: () => changes };
}

t.test('reads everything at start', async (t) => {
  const { started, members, environments, view, changes } = await setUp();
  await started;
  t.equal(members(), 'a b');
  t.equal(environments(), 'production');
  t.ok(view.known);
  t.equal(changes(), 1);
});

t.test('reads only what the news names, once for a burst', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  registry.stored.servers.delete('a');
  for (let round = 0; round < 50; round++) {
    registry.publish({ kind: 'server', name: 'c' });
    registry.publish({ kind: 'server', name: 'a' });
    registry.publish({ kind: 'snapshot', name: 'production', version: round });
    registry.publish({ kind: 'project', name: 'petstore' });
  }
  await clock.pass(10);
  t.strictSame(registry.reads, ['server c', 'server a']);
  t.equal(members(), 'b c');
});

t.test('many names in one burst lead to one read of everything', async (t) => {
  const { clock, registry, members } = await setUp();
  for (let index = 0; index < 100; index++) {
    registry.join(`s${index}`);
    registry.publish({ kind: 'server', name: `s${index}` });
  }
  await clock.pass(10);
  t.strictSame(registry.reads, ['environments', 'servers']);
  t.equal(members().split(' ').length, 102);
});

t.test('a burst that names a small share of all servers leads to reads of these alone', async (t) => {
  const { clock, registry } = await setUp();
  const join = (from: number, to: number) => {
    registry.reads.length = 0;
    for (let index = from; index < to; index++) {
      registry.join(`s${index}`);
      registry.publish({ kind: 'server', name: `s${index}` });
    }
    return clock.pass(10);
  };
  await join(0, 400);
  t.strictSame(registry.reads, ['environments', 'servers']);
  await join(0, 50);
  t.strictSame(
    registry.reads,
    Array.from({ length: 50 }, (_, index) => `server s${index}`),
  );
  await join(0, 52);
  t.strictSame(registry.reads, ['environments', 'servers']);
});

t.test('news during a read is not missed', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.publish({ kind: 'server', name: 'c' });
  const read = registry.server.bind(registry);
  registry.server = async (id) => {
    const before = await read(id);
    registry.join('c');
    registry.publish({ kind: 'server', name: 'c' });
    registry.server = read;
    return before;
  };
  await clock.pass(20);
  t.equal(members(), 'a b c');
});

t.test('a steady stream of news does not postpone the read', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  for (let step = 0; step < 20; step++) {
    registry.publish({ kind: 'server', name: 'c' });
    await clock.pass(1);
  }
  t.equal(members(), 'a b c');
});

t.test('lost news is made up for within seconds, even while other news keeps coming', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('quiet');
  for (let step = 0; step < 12; step++) {
    registry.publish({ kind: 'server', name: 'a' });
    await clock.pass(500);
  }
  t.match(members(), 'quiet');
});

t.test('a server whose lease has ended is lost', async (t) => {
  const { clock, registry, members } = await setUp();
  await clock.pass(9_000);
  registry.join('a', { leaseRemaining: -1 });
  await clock.pass(5_000);
  t.equal(members(), 'a b', 'a lease seen a moment ago has not ended yet');
  await clock.pass(10_000);
  t.equal(members(), '(a) b');
});

t.test('while the registry is unreachable all servers and environments stay', async (t) => {
  const { clock, registry, members, environments, lines } = await setUp();
  registry.link = { up: false, since: 0 };
  registry.stored.servers.clear();
  registry.stored.environments.clear();
  await clock.pass(600_000);
  t.equal(members(), 'a b');
  t.equal(environments(), 'production');
  t.equal(lines.filter(({ msg }) => /cannot be read/.test(msg)).length, 1, 'logged once');
  t.ok(registry.reads.length < 1000, 'reads are retried with back-off');
});

t.test('an emptied registry gets the served environments back, and servers stay for the length of their lease', async (t) => {
  const { clock, registry, members, environments, lines } = await setUp((fresh) => fresh.put('development', { balance: 'ewma' }));
  registry.link = { up: false, since: 0 };
  await clock.pass(60_000);
  registry.stored.servers.clear();
  registry.stored.environments.clear();
  registry.link = { up: true, since: clock.now() };
  registry.publish({ kind: 'resync' });
  await clock.pass(9_000);
  t.equal(members(), 'a b');
  t.equal(environments(), 'production development');
  t.strictSame(registry.stored.environments.get('development')?.input, { balance: 'ewma' }, 'as configured');
  t.equal(lines.filter(({ msg }) => /lost every environment/.test(msg)).length, 1, 'logged once');
  registry.join('b');
  await clock.pass(8_000);
  t.equal(members(), 'b');
});

t.test('a server that joins an emptied registry keeps its running snapshot until it can have reported it', async (t) => {
  const { clock, registry, view } = await setUp((fresh) => fresh.join('c'));
  const running = () => [...view.members.values()].filter(({ record }) => record.running !== undefined).map(({ record }) => record.id);
  registry.link = { up: true, since: clock.now() };
  registry.joinUnready('a');
  registry.joinUnready('b', { instance: 'b-2' });
  registry.joinUnready('c', { environment: 'development' });
  for (const name of ['a', 'b', 'c']) registry.publish({ kind: 'server', name });
  await clock.pass(20);
  t.strictSame(running(), ['a'], 'not for another instance or environment');
  await clock.pass(5_500);
  t.strictSame(running(), ['a'], 'however often the registry is read');
  await clock.pass(10_000);
  t.strictSame(running(), []);
});

t.test('an environment that is missing after a reconnect is kept for ten seconds', async (t) => {
  const { clock, registry, environments } = await setUp((fresh) => fresh.put('development'));
  registry.link = { up: true, since: clock.now() };
  registry.stored.environments.delete('development');
  registry.publish({ kind: 'resync' });
  await clock.pass(4_000);
  t.match(environments(), /development/);
  await clock.pass(12_000);
  t.equal(environments(), 'production');
});

t.test('the last environment is removed when news names it', async (t) => {
  const { clock, registry, environments } = await setUp();
  registry.stored.environments.clear();
  registry.publish({ kind: 'environment', name: 'production' });
  await clock.pass(20_000);
  t.equal(environments(), '');
  t.equal(registry.stored.environments.size, 0);
});

t.test('the end of a lease is noticed without news', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('a', { ttl: 1000, leaseRemaining: 1000 });
  registry.publish({ kind: 'server', name: 'a' });
  await clock.pass(500);
  t.equal(members(), 'a b');
  registry.join('a', { ttl: 1000, leaseRemaining: -1 });
  await clock.pass(700);
  t.equal(members(), '(a) b');
});

t.test("leases that end because the registry's clock jumped last for their full length", async (t) => {
  const { clock, registry, members } = await setUp();
  // The clock jumps by an hour: all leases end at once, though ten seconds were left a moment ago.
  for (const id of ['a', 'b']) registry.join(id, { leaseRemaining: -3_590_000 });
  registry.publish({ kind: 'resync' });
  await clock.pass(100);
  t.equal(members(), 'a b', 'no server is lost');
  registry.join('a', { leaseRemaining: 9_000 });
  await clock.pass(15_000);
  t.equal(members(), 'a (b)', 'a server that does not renew is lost');
});

t.test('a lease never lasts longer than its ttl, however far the clock was set back', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('a', { leaseRemaining: 3_600_000 });
  registry.publish({ kind: 'resync' });
  await clock.pass(100);
  registry.join('a', { leaseRemaining: -1 });
  await clock.pass(20_000);
  t.match(members(), /\(a\)/);
});

t.test('leases that ended while the registry was unreachable do not count until they could be renewed', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.link = { up: false, since: 0 };
  await clock.pass(60_000);
  for (const id of ['a', 'b']) registry.join(id, { leaseRemaining: -50_000 });
  registry.link = { up: true, since: clock.now() };
  registry.publish({ kind: 'resync' });
  await clock.pass(9_000);
  t.equal(members(), 'a b');
  registry.join('b');
  await clock.pass(8_000);
  t.equal(members(), '(a) b');
});

t.test('an entry that news names is removed at once, even just after a reconnect', async (t) => {
  const { clock, registry, members, environments } = await setUp((fresh) => fresh.put('development'));
  registry.link = { up: true, since: clock.now() };
  registry.stored.servers.delete('a');
  registry.stored.environments.delete('development');
  registry.publish({ kind: 'server', name: 'a' });
  registry.publish({ kind: 'environment', name: 'development' });
  await clock.pass(10);
  t.equal(members(), 'b');
  t.equal(environments(), 'production');
});

t.test('start waits for an unreachable registry and reads as soon as it is reachable', async (t) => {
  const { clock, registry, view, members, started } = await setUp((away) => {
    away.link = { up: false, since: 0 };
  });
  await clock.pass(60_000);
  t.notOk(view.known);
  registry.link = { up: true, since: clock.now() };
  registry.publish({ kind: 'resync' });
  await clock.pass(10);
  t.equal(members(), 'a b');
  await started;
});

t.test('a failed read is repeated', async (t) => {
  const { clock, registry, members } = await setUp();
  registry.join('c');
  registry.publish({ kind: 'server', name: 'c' });
  registry.link = { up: false, since: 0 };
  await clock.pass(100);
  registry.link = { up: true, since: 0 };
  await clock.pass(400);
  t.equal(members(), 'a b c');
});

t.test('stop ends the subscription, the reads and a start under way', async (t) => {
  const { clock, registry, view, started } = await setUp((away) => {
    away.link = { up: false, since: 0 };
  });
  view.stop();
  await started;
  registry.publish({ kind: 'resync' });
  await clock.pass(60_000);
  t.equal(registry.reads.length, 0);
  t.equal(registry.watchers, 0);
  t.equal(clock.pending, 0);
});

t.test('settings that are not understood entirely are replaced by the last ones that were', async (t) => {
  const { clock, registry, view } = await setUp((registry) => registry.put('production', { slowStart: '1s' }));
  const settings = () => {
    const { spec, unread } = view.environments.get('production') ?? {};
    return { slowStart: spec?.slowStart, unread };
  };
  const change = async (slowStart: string, unread?: string) => {
    registry.put('production', { slowStart });
    const stored = registry.stored.environments.get('production');
    if (stored && unread !== undefined) registry.stored.environments.set('production', { ...stored, unread });
    registry.publish({ kind: 'environment', name: 'production' });
    await clock.pass(20);
  };
  await change('2s', 'unknown key');
  t.strictSame(settings(), { slowStart: 1000, unread: 'unknown key' });
  await change('3s', 'unknown key');
  t.strictSame(settings(), { slowStart: 1000, unread: 'unknown key' });
  await change('4s');
  t.strictSame(settings(), { slowStart: 4000, unread: undefined });
});

t.test('a document that cannot be read stays as it was, and the news of others is read', async (t) => {
  const { clock, registry, members, environments } = await setUp();
  const damaged = async () => {
    throw new SluiceError('internal', 'is damaged');
  };
  const [environment, server] = [registry.environment.bind(registry), registry.server.bind(registry)];
  registry.environment = (name) => (name === 'production' ? damaged() : environment(name));
  registry.server = (id) => (id === 'a' ? damaged() : server(id));
  registry.put('staging');
  registry.join('c');
  for (const name of ['production', 'staging']) registry.publish({ kind: 'environment', name });
  for (const name of ['a', 'c']) registry.publish({ kind: 'server', name });
  await clock.pass(20);
  t.equal(environments(), 'production staging');
  t.equal(members(), 'a b c');
});
