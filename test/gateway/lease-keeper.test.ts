import t from 'tap';
import { SluiceError } from '../../src/model/fault.ts';
import type { Renewal } from '../../src/model/join.ts';
import { sameSnapshot } from '../../src/model/snapshot-id.ts';
import { wholeUpdate } from '../../src/model/snapshot-update.ts';
import { settle } from '../tools/fake-clock.ts';
import { offer, projectOf } from './samples.ts';
import { world } from './world.ts';

const shop = (url: string) => projectOf({ name: 'shop', targets: { default: { url } } });

t.test('joins, applies the snapshot and acknowledges it at once', async (t) => {
  const { registry, server, until } = await world(t);
  await registry.pushProject(shop('http://a'));
  const snapshot = await registry.deploy('one', 'shop');
  const { leaseKeeper, applier, store, record, access } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('acknowledged', async () => sameSnapshot((await record())?.running, snapshot));
  t.equal(applier.environment, 'one');
  t.match((await record())?.projects, [{ name: 'shop', revision: 1, state: 'active' }]);
  await store.settled();
  t.match(await store.load(), wholeUpdate(await registry.snapshot('one')));
  t.same(access.calls.map(({ method }) => method).slice(0, 2), ['join', 'renew'], 'without waiting for the next renewal');
});

t.test('deploys, undeploys and rejected projects are followed and reported', async (t) => {
  const { registry, server, until } = await world(t);
  const { leaseKeeper, applier, record } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.restore(offer(1, { revision: 1, project: shop('http://a') }));
  await until('revision 1', async () => (await record())?.running?.version === 2);
  t.equal(applier.table?.projects.length, 1);
  await registry.restore(offer(2, { revision: 2, project: shop('${variables.absent}') }));
  await until('revision 2', async () => (await record())?.running?.version === 3);
  t.match((await record())?.projects, [{ name: 'shop', revision: 1, state: 'rejected', error: /absent/ }]);
  await registry.putEnvironment('one', { variables: { absent: 'http://b' } });
  await until('the variable', async () => (await record())?.projects[0]?.state === 'active');
  await registry.undeploy('one', 'shop');
  await until('nothing', async () => (await record())?.projects.length === 0);
  t.equal(applier.table?.projects.length, 0);
});

t.test('a burst of deploys leads to few renewals, and the same snapshot is not sent twice', async (t) => {
  const { registry, server, until } = await world(t);
  const { leaseKeeper, record, access } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.pushProject(shop('http://a'));
  await registry.pushProject(shop('http://b'));
  const before = access.calls.length;
  for (let round = 0; round < 10; round++) {
    await registry.deploy('one', 'shop', { revision: 1 });
    await registry.deploy('one', 'shop', { revision: 2 });
  }
  await until('the last', async () => (await record())?.running?.version === 20);
  const renewals = access.calls.slice(before);
  t.ok(renewals.length <= 8, `${renewals.length} renewals for 20 deploys`);
  const sent = renewals.filter(({ answer }) => (answer as { update?: unknown } | undefined)?.update !== undefined);
  t.ok(sent.length >= 1 && sent.length <= 3, `${sent.length} snapshots sent`);
});

t.test('an available server is added to an environment and given back', async (t) => {
  const { registry, server, until } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  const { leaseKeeper, applier, store, record, state } = server('s1');
  leaseKeeper.start();
  await until('registered', record);
  t.equal(applier.table, undefined);
  await registry.assign('s1', 'one');
  await until('serving', async () => (await record())?.running?.version === 1);
  t.equal(applier.table?.projects.length, 1);
  await registry.assign('s1', undefined);
  await until('available again', () => applier.table === undefined);
  t.match(await record(), { movingTo: undefined, environment: undefined, running: undefined });
  await until('not draining', () => !state.lameDuck);
  await store.settled();
  t.equal(await store.load(), undefined, 'a restart must not serve it again');
});

t.test('a move waits for requests in flight in the old environment', async (t) => {
  const { registry, server, until, clock } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('two', 'shop');
  const { leaseKeeper, applier, record, state, load } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  load.active = load.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining', () => state.lameDuck);
  t.equal(leaseKeeper.draining, true);
  await clock.pass(20_000);
  t.match(await record(), { environment: 'one', movingTo: 'two' }, 'a request is still in flight');
  t.equal(applier.environment, 'one');
  load.active = load.connections = 0;
  await until('moved', async () => (await record())?.running?.version === 1);
  t.match(await record(), { environment: 'two', movingTo: undefined });
  t.equal(applier.environment, 'two');
  t.equal(state.lameDuck, false);
  t.equal(leaseKeeper.draining, false);
});

t.test('a move waits no longer than the grace period', async (t) => {
  const { registry, server, until } = await world(t);
  const { leaseKeeper, applier, record, load } = server('s1', { environment: 'one', graceMs: 5000 });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  load.active = load.connections = 1;
  await registry.assign('s1', 'two');
  await until('moved anyway', () => applier.environment === 'two');
  // Both environments are empty, so that their snapshots have the same id.
  await until('acknowledged in the new one', async () => {
    const now = await record();
    return now?.environment === 'two' && now.running?.version === 0;
  });
});

t.test('a cancelled move ends the draining', async (t) => {
  const { registry, server, until, clock } = await world(t);
  const { leaseKeeper, applier, record, state, load } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  load.active = load.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining', () => state.lameDuck);
  await registry.assign('s1', 'one');
  await until('not draining', () => !state.lameDuck);
  load.active = load.connections = 0;
  await clock.pass(10_000);
  t.equal(applier.environment, 'one');
  t.match(await record(), { environment: 'one', movingTo: undefined });
  load.active = load.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining again', () => state.lameDuck);
  await clock.pass(10_000);
  t.equal(applier.environment, 'one', 'the next move waits again');
});

t.test('an operator can drain and resume the server', async (t) => {
  const { registry, server, until } = await world(t);
  const { leaseKeeper, record, state, applier } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.patchServer('s1', { draining: true });
  await until('draining', () => state.lameDuck && leaseKeeper.draining);
  t.ok(applier.table, 'it still serves requests');
  await registry.patchServer('s1', { draining: false });
  await until('resumed', () => !state.lameDuck && !leaseKeeper.draining);
});

t.test('a missing environment is logged once, and joined when it is created', async (t) => {
  const { registry, server, until, clock, lines } = await world(t);
  const { leaseKeeper, record } = server('s1', { environment: 'later' });
  leaseKeeper.start();
  await clock.pass(60_000);
  t.equal(await record(), undefined);
  const warnings = lines.filter(({ level }) => level === 40);
  t.match(warnings, [{ msg: /could not join/, reason: /later/ }]);
  await registry.putEnvironment('later', {});
  await until('joined', async () => (await record())?.environment === 'later');
});

t.test('while the registry is unreachable, serving continues and joining is retried', async (t) => {
  const { registry, server, until, clock, lines } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  const { leaseKeeper, applier, record, access } = server('s1', { environment: 'one', ttl: 9000 });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 1);
  access.calls.length = 0;
  await clock.pass(30_000);
  t.ok(access.calls.length >= 9 && access.calls.length <= 11, `${access.calls.length} renewals in 30 s with a ttl of 9 s`);

  access.mode = 'down';
  access.calls.length = 0;
  await clock.pass(600_000);
  t.equal(applier.table?.projects.length, 1, 'serving continues');
  t.ok(access.calls.length >= 190 && access.calls.length <= 220, `${access.calls.length} attempts in ten minutes, about every 3 s`);
  t.equal(lines.filter(({ level }) => level === 40).length, 1, 'logged once');
  await registry.pushProject(shop('http://b'));
  await registry.deploy('one', 'shop');
  await clock.pass(3000);
  access.mode = 'up';
  const back = clock.now();
  await until('caught up', async () => (await record())?.running?.version === 2);
  t.ok(clock.now() - back <= 5000, `${clock.now() - back} ms`);
  t.ok(lines.some(({ msg }) => msg === 'the registry answers again'));

  access.mode = 'hanging';
  access.calls.length = 0;
  await clock.pass(60_000);
  t.ok(access.calls.length >= 3, 'a call that is never answered does not stop the retries');
  access.mode = 'up';
  await until('renewing again', async () => ((await record())?.leaseRemaining ?? 0) > 5000);
});

t.test('a server that the registry has forgotten joins again, in the environment where it was', async (t) => {
  const { registry, server, until } = await world(t);
  const { leaseKeeper, record, access } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.assign('s1', 'two');
  await until('moved', async () => (await record())?.environment === 'two' && (await record())?.running !== undefined);
  access.calls.length = 0;
  await registry.leave('s1', 's1-1');
  await until('back', async () => (await record())?.running !== undefined);
  t.equal((await record())?.environment, 'two', 'not the environment it was started with');
  t.ok(access.calls.some(({ method }) => method === 'join'));
});

t.test('an emptied registry gets back the last deployments from the first server that reaches it', async (t) => {
  const { registry, another, server, until, lines } = await world(t);
  const servers = ['s1', 's2'].map((id) => server(id, { environment: 'one', ttl: 60_000 }));
  await registry.pushProject(shop('http://a'));
  await registry.pushProject(shop('http://b'));
  await registry.deploy('one', 'shop');
  for (const { leaseKeeper } of servers) leaseKeeper.start();
  await until('served', () => servers.every(({ applier }) => applier.running?.version === 1));
  const empty = await another('empty');
  for (const { access } of servers) access.real = empty;
  await until('given back', () => servers.every(({ applier }) => applier.running?.version === 2));
  t.match(await empty.snapshot('one'), { projects: [{ name: 'shop', revision: 2 }] });
  for (const { applier } of servers) t.match(applier.states, [{ name: 'shop', revision: 2, state: 'active' }]);
  t.match(
    lines.filter(({ level }) => level === 50),
    [1, 2].map(() => ({ msg: /lost every deployment.*offered/, environment: 'one', projects: ['shop@2'] })),
    'each server logs the loss',
  );
  t.equal(lines.filter(({ msg }) => /taken back/.test(String(msg))).length, 1, 'one server restores them');
});

t.test('a server that may not restore deployments keeps serving and logs the remedy', async (t) => {
  const { registry, another, server, until, lines, clock } = await world(t);
  const { leaseKeeper, applier, access, record } = server('s1', { environment: 'one', ttl: 6000 });
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  leaseKeeper.start();
  await until('served', async () => (await record())?.running?.version === 1);
  const empty = await another('empty');
  empty.restore = () => Promise.reject(new SluiceError('forbidden', 'the join token may not'));
  await empty.putEnvironment('one', { variables: { later: 'x' } });
  access.real = empty;
  const losses = () => lines.filter(({ msg }) => /lost every deployment/.test(String(msg)));
  await until('the remedy is logged', () => losses().some(({ msg }) => /push and deploy/.test(String(msg))));
  await clock.pass(60_000);
  t.match(losses(), [{ msg: /offered/ }, { msg: /push and deploy/ }], 'each logged once');
  t.equal(access.calls.filter(({ method }) => method === 'restore').length, 1, 'offered once');
  t.match(applier.states, [{ name: 'shop', revision: 1 }]);
  await empty.pushProject(shop('http://a'));
  await empty.deploy('one', 'shop');
  await until('deployed again', () => applier.running?.version === 2);
});

t.test('a registry with older data is followed, and that is logged', async (t) => {
  const { registry, server, until, lines } = await world(t);
  const { leaseKeeper, applier, access } = server('s1', { environment: 'one', ttl: 6000 });
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  const older = await registry.snapshot('one');
  await registry.pushProject(shop('http://b'));
  await registry.deploy('one', 'shop');
  leaseKeeper.start();
  await until('served', () => applier.running?.version === 2);
  const renew = registry.renew.bind(registry);
  access.real = new Proxy(registry, {
    get: (target, key) =>
      key === 'renew'
        ? async (report: Renewal) => ({ server: (await renew(report)).server, snapshot: older })
        : Reflect.get(target, key, target),
  });
  await until('back', () => applier.running?.version === 1);
  t.match(
    lines.filter(({ msg }) => /older data/.test(String(msg))),
    [{ from: 2, to: 1, environment: 'one' }],
  );
});

t.test('a snapshot that was only on disk is not restored, stays served, and is replaced by the next deploy', async (t) => {
  const { registry, server, until, lines, clock } = await world(t);
  const { leaseKeeper, applier, store, record } = server('s1', { environment: 'one' });
  await registry.pushProject(shop('http://a'));
  const { project } = (await registry.revision('shop')) ?? {};
  if (project === undefined) throw new Error('the project is missing');
  applier.apply({
    epoch: 'lost',
    version: 3,
    hash: '0'.repeat(64),
    environment: 'one',
    variables: {},
    put: [{ name: 'shop', revision: 7, project }],
    removed: [],
  });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.epoch === 'lost');
  await clock.pass(60_000);
  t.match(applier.states, [{ name: 'shop', revision: 7 }]);
  t.equal(lines.filter(({ msg }) => /lost every deployment/.test(String(msg))).length, 1, 'logged once');
  await store.settled();
  t.equal(await store.load(), undefined, 'the empty snapshot is not written to disk');
  await registry.deploy('one', 'shop');
  await until('deployed again', async () => (await record())?.running?.version === 1);
  t.match(applier.states, [{ name: 'shop', revision: 1 }]);
});

t.test('of two gateways with one id the earlier one stays, and the later one waits until it has left', async (t) => {
  const { server, until, clock, lines } = await world(t);
  const first = server('s1', { environment: 'one', ttl: 9000 });
  first.leaseKeeper.start();
  await until('joined', async () => (await first.record())?.running?.version === 0);
  const second = server('s1', { environment: 'one', ttl: 9000, instance: 's1-2' });
  second.leaseKeeper.start();
  await until('refused', async () => lines.some(({ reason }) => /another gateway runs as "s1"/.test(String(reason))));
  await clock.pass(120_000);
  t.equal((await first.record())?.instance, 's1-1');
  t.equal(first.access.calls.filter(({ method }) => method === 'join').length, 1, 'the first one is never disturbed');
  await first.leaseKeeper.leave();
  await until('the second takes over', async () => (await first.record())?.instance === 's1-2');
});

t.test('of two gateways with one id and copied data the later one stays, and the earlier one does not replace it', async (t) => {
  const { server, until, clock, lines } = await world(t);
  const secret = 'the-secret-of-both';
  const first = server('s1', { environment: 'one', ttl: 9000, secret });
  first.leaseKeeper.start();
  await until('joined', async () => (await first.record())?.running?.version === 0);
  const second = server('s1', { environment: 'one', ttl: 9000, instance: 's1-2', secret });
  second.leaseKeeper.start();
  await until('taken over', async () => {
    const now = await first.record();
    return now?.instance === 's1-2' && now.running !== undefined;
  });
  await clock.pass(120_000);
  t.equal((await first.record())?.instance, 's1-2');
  t.ok(lines.some(({ reason }) => /another gateway runs as "s1"/.test(String(reason))));
  await second.leaseKeeper.leave();
  await until('the first is back', async () => (await first.record())?.instance === 's1-1');
});

t.test('leaving is announced first; then the lease ends and all renewals stop', async (t) => {
  const { registry, server, until, clock } = await world(t);
  const { leaseKeeper, record, state, access } = server('s1', { environment: 'one' });
  leaseKeeper.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  const announced = leaseKeeper.announceLeave();
  t.equal(state.lameDuck, true, 'at once');
  await announced;
  t.match(await record(), { leaving: true });
  await registry.patchServer('s1', { weight: 3 });
  await clock.pass(1000);
  t.equal(state.lameDuck, true, 'whatever the registry answers meanwhile');
  t.match(await record(), { leaving: true }, 'every renewal repeats it');
  await leaseKeeper.leave();
  t.equal(await record(), undefined);
  access.calls.length = 0;
  await registry.putEnvironment('one', { variables: { a: 'b' } });
  await clock.pass(600_000);
  t.same(access.calls, []);
});

t.test('leaving works before the first join', async (t) => {
  const { server, clock } = await world(t);
  const { leaseKeeper, record, access } = server('s1', { environment: 'one' });
  access.mode = 'down';
  leaseKeeper.start();
  await clock.pass(1000);
  await leaseKeeper.announceLeave();
  await leaseKeeper.leave();
  access.mode = 'up';
  await clock.pass(60_000);
  await settle();
  t.equal(await record(), undefined);
});

t.test('the join waits for the subscription', async (t) => {
  const { server, until, clock } = await world(t);
  let open = () => {};
  const ready = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { leaseKeeper, record, access } = server('s1', { environment: 'one', ttl: 9000, subscribed: ready });
  leaseKeeper.start();
  await clock.pass(300_000);
  t.same(access.calls, [], 'a deploy between joining and subscribing would be missed');
  open();
  await until('joined', async () => (await record())?.running?.version === 0);
  t.equal(access.calls.filter(({ method }) => method === 'join').length, 1);
});
