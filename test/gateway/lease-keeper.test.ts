import t from 'tap';
import { SluiceError } from '../../src/model/fault.ts';
import { sameSnapshot } from '../../src/model/snapshot-id.ts';
import type { Renewal } from '../../src/registry/contract.ts';
import { settle } from '../tools/fake-clock.ts';
import { projectOf } from './samples.ts';
import { world } from './world.ts';

const shop = (url: string) => projectOf({ name: 'shop', targets: { default: { url } } });

t.test('joins, applies what is deployed and acknowledges it at once', async (t) => {
  const { registry, server, until } = await world(t);
  await registry.pushProject(shop('http://a'));
  const snapshot = await registry.deploy('one', 'shop');
  const { member, deployments, file, record, access } = server('s1', { environment: 'one' });
  member.start();
  await until('acknowledged', async () => sameSnapshot((await record())?.running, snapshot));
  t.equal(deployments.environment, 'one');
  t.match((await record())?.projects, [{ name: 'shop', revision: 1, state: 'active' }]);
  await file.settled();
  t.same(await file.load(), snapshot);
  t.same(access.calls.map(({ method }) => method).slice(0, 2), ['join', 'renew'], 'without waiting for the next renewal');
});

t.test('a deploy, an undeploy and what cannot be served are followed and reported', async (t) => {
  const { registry, server, until } = await world(t);
  const { member, deployments, record } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  await until('revision 1', async () => (await record())?.running?.version === 1);
  t.equal(deployments.table?.projects.length, 1);
  await registry.pushProject(shop('${variables.absent}'));
  await registry.deploy('one', 'shop');
  await until('revision 2', async () => (await record())?.running?.version === 2);
  t.match((await record())?.projects, [{ name: 'shop', revision: 1, state: 'rejected', error: /absent/ }]);
  await registry.putEnvironment('one', { variables: { absent: 'http://b' } });
  await until('the variable', async () => (await record())?.projects[0]?.state === 'active');
  await registry.undeploy('one', 'shop');
  await until('nothing', async () => (await record())?.projects.length === 0);
  t.equal(deployments.table?.projects.length, 0);
});

t.test('a burst of deploys leads to few questions, and the same snapshot is not sent twice', async (t) => {
  const { registry, server, until } = await world(t);
  const { member, record, access } = server('s1', { environment: 'one' });
  member.start();
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
  const sent = renewals.filter(({ answer }) => (answer as { snapshot?: unknown } | undefined)?.snapshot !== undefined);
  t.ok(sent.length >= 1 && sent.length <= 3, `${sent.length} snapshots sent`);
});

t.test('an available server is added to an environment and given back', async (t) => {
  const { registry, server, until } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  const { member, deployments, file, record, state } = server('s1');
  member.start();
  await until('registered', record);
  t.equal(deployments.table, undefined);
  await registry.assign('s1', 'one');
  await until('serving', async () => (await record())?.running?.version === 1);
  t.equal(deployments.table?.projects.length, 1);
  await registry.assign('s1', undefined);
  await until('available again', () => deployments.table === undefined);
  t.match(await record(), { movingTo: undefined, environment: undefined, running: undefined });
  await until('told', () => !state.lameDuck);
  await file.settled();
  t.equal(await file.load(), undefined, 'a restart must not serve it again');
});

t.test('a move is finished in the old environment first', async (t) => {
  const { registry, server, until, clock } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('two', 'shop');
  const { member, deployments, record, state, traffic } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  traffic.active = traffic.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining', () => state.lameDuck);
  t.equal(member.draining, true);
  await clock.pass(20_000);
  t.match(await record(), { environment: 'one', movingTo: 'two' }, 'a request is still in flight');
  t.equal(deployments.environment, 'one');
  traffic.active = traffic.connections = 0;
  await until('moved', async () => (await record())?.running?.version === 1);
  t.match(await record(), { environment: 'two', movingTo: undefined });
  t.equal(deployments.environment, 'two');
  t.equal(state.lameDuck, false);
  t.equal(member.draining, false);
});

t.test('a move waits no longer than the grace time', async (t) => {
  const { registry, server, until } = await world(t);
  const { member, deployments, record, traffic } = server('s1', { environment: 'one', graceMs: 5000 });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  traffic.active = traffic.connections = 1;
  await registry.assign('s1', 'two');
  await until('moved all the same', () => deployments.environment === 'two');
  // Both environments are empty, so that their snapshots have the same id.
  await until('acknowledged in the new one', async () => {
    const now = await record();
    return now?.environment === 'two' && now.running?.version === 0;
  });
});

t.test('a move that is taken back ends the draining', async (t) => {
  const { registry, server, until, clock } = await world(t);
  const { member, deployments, record, state, traffic } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  traffic.active = traffic.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining', () => state.lameDuck);
  await registry.assign('s1', 'one');
  await until('not draining', () => !state.lameDuck);
  traffic.active = traffic.connections = 0;
  await clock.pass(10_000);
  t.equal(deployments.environment, 'one');
  t.match(await record(), { environment: 'one', movingTo: undefined });
  traffic.active = traffic.connections = 1;
  await registry.assign('s1', 'two');
  await until('draining again', () => state.lameDuck);
  await clock.pass(10_000);
  t.equal(deployments.environment, 'one', 'the next move is drained anew');
});

t.test('an operator drains and resumes it', async (t) => {
  const { registry, server, until } = await world(t);
  const { member, record, state, deployments } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.patchServer('s1', { draining: true });
  await until('draining', () => state.lameDuck && member.draining);
  t.ok(deployments.table, 'it still serves what comes');
  await registry.patchServer('s1', { draining: false });
  await until('resumed', () => !state.lameDuck && !member.draining);
});

t.test('an environment that does not exist is told once, and joined when it is made', async (t) => {
  const { registry, server, until, clock, lines } = await world(t);
  const { member, record } = server('s1', { environment: 'later' });
  member.start();
  await clock.pass(60_000);
  t.equal(await record(), undefined);
  const told = lines.filter(({ level }) => level === 40);
  t.match(told, [{ msg: /could not join/, reason: /later/ }]);
  await registry.putEnvironment('later', {});
  await until('joined', async () => (await record())?.environment === 'later');
});

t.test('the registry may be gone', async (t) => {
  const { registry, server, until, clock, lines } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  const { member, deployments, record, access } = server('s1', { environment: 'one', ttl: 9000 });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 1);
  access.calls.length = 0;
  await clock.pass(30_000);
  t.ok(access.calls.length >= 9 && access.calls.length <= 11, `${access.calls.length} renewals in 30 s by a third of 9 s`);

  access.mode = 'down';
  access.calls.length = 0;
  await clock.pass(600_000);
  t.equal(deployments.table?.projects.length, 1, 'serving goes on');
  t.ok(
    access.calls.length >= 190 && access.calls.length <= 220,
    `${access.calls.length} tries in ten minutes: for ever, but never more than each 3 s`,
  );
  t.equal(lines.filter(({ level }) => level === 40).length, 1, 'told once');
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
  t.ok(access.calls.length >= 3, 'a call that is never answered does not stop it');
  access.mode = 'up';
  await until('renewing again', async () => ((await record())?.leaseRemaining ?? 0) > 5000);
});

t.test('a registry that does not know it any more is joined again, in the environment where it was', async (t) => {
  const { registry, server, until } = await world(t);
  const { member, record, access } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  await registry.assign('s1', 'two');
  await until('moved', async () => (await record())?.environment === 'two' && (await record())?.running !== undefined);
  access.calls.length = 0;
  await registry.leave('s1', 's1-1');
  await until('back', async () => (await record())?.running !== undefined);
  t.equal((await record())?.environment, 'two', 'not where it was first told to go');
  t.ok(access.calls.some(({ method }) => method === 'join'));
});

t.test('a registry that was emptied gets back what was deployed last, from the first who comes', async (t) => {
  const { registry, another, server, until, lines } = await world(t);
  const servers = ['s1', 's2'].map((id) => server(id, { environment: 'one', ttl: 60_000 }));
  await registry.pushProject(shop('http://a'));
  await registry.pushProject(shop('http://b'));
  await registry.deploy('one', 'shop');
  for (const { member } of servers) member.start();
  await until('served', () => servers.every(({ deployments }) => deployments.running?.version === 1));
  const empty = await another('empty');
  for (const { access } of servers) access.real = empty;
  await until('given back', () => servers.every(({ deployments }) => deployments.running?.version === 2));
  t.match(await empty.snapshot('one'), { projects: [{ name: 'shop', revision: 2 }] });
  for (const { deployments } of servers) t.match(deployments.states, [{ name: 'shop', revision: 2, state: 'active' }]);
  t.match(
    lines.filter(({ level }) => level === 50),
    [1, 2].map(() => ({ msg: /lost every deployment.*offered/, environment: 'one', projects: ['shop@2'] })),
    'each says so',
  );
  t.equal(lines.filter(({ msg }) => /taken back/.test(String(msg))).length, 1, 'of one');
});

t.test('where it may not give anything back it serves on and says what to do', async (t) => {
  const { registry, another, server, until, lines, clock } = await world(t);
  const { member, deployments, access, record } = server('s1', { environment: 'one', ttl: 6000 });
  await registry.pushProject(shop('http://a'));
  await registry.deploy('one', 'shop');
  member.start();
  await until('served', async () => (await record())?.running?.version === 1);
  const empty = await another('empty');
  empty.restore = () => Promise.reject(new SluiceError('forbidden', 'the join token may not'));
  await empty.putEnvironment('one', { variables: { later: 'x' } });
  access.real = empty;
  const told = () => lines.filter(({ msg }) => /lost every deployment/.test(String(msg)));
  await until('told', () => told().some(({ msg }) => /push and deploy/.test(String(msg))));
  await clock.pass(60_000);
  t.match(told(), [{ msg: /offered/ }, { msg: /push and deploy/ }], 'each said once');
  t.equal(access.calls.filter(({ method }) => method === 'restore').length, 1, 'offered once');
  t.match(deployments.states, [{ name: 'shop', revision: 1 }]);
  await empty.pushProject(shop('http://a'));
  await empty.deploy('one', 'shop');
  await until('deployed anew', () => deployments.running?.version === 2);
});

t.test('a registry with older data is followed, and it is said', async (t) => {
  const { registry, server, until, lines } = await world(t);
  const { member, deployments, access } = server('s1', { environment: 'one', ttl: 6000 });
  await registry.pushProject(shop('http://a'));
  const older = await registry.deploy('one', 'shop');
  await registry.pushProject(shop('http://b'));
  await registry.deploy('one', 'shop');
  member.start();
  await until('served', () => deployments.running?.version === 2);
  const renew = registry.renew.bind(registry);
  access.real = new Proxy(registry, {
    get: (target, key) =>
      key === 'renew' ? async (report: Renewal) => ({ ...(await renew(report)), snapshot: older }) : Reflect.get(target, key, target),
  });
  await until('back', () => deployments.running?.version === 1);
  t.match(
    lines.filter(({ msg }) => /older data/.test(String(msg))),
    [{ from: 2, to: 1, environment: 'one' }],
  );
});

t.test('what only the disk has is given back to nobody; nothing is taken away, and the next deploy counts', async (t) => {
  const { registry, server, until, lines, clock } = await world(t);
  const { member, deployments, file, record } = server('s1', { environment: 'one' });
  await registry.pushProject(shop('http://a'));
  const { project } = (await registry.revision('shop')) ?? {};
  if (project === undefined) throw new Error('there is no project');
  deployments.apply({
    epoch: 'lost',
    version: 3,
    hash: '0'.repeat(64),
    environment: 'one',
    variables: {},
    projects: [{ name: 'shop', revision: 7, project }],
  });
  member.start();
  await until('joined', async () => (await record())?.running?.epoch === 'lost');
  await clock.pass(60_000);
  t.match(deployments.states, [{ name: 'shop', revision: 7 }]);
  t.equal(lines.filter(({ msg }) => /lost every deployment/.test(String(msg))).length, 1, 'said once');
  await file.settled();
  t.equal(await file.load(), undefined, 'nothing is kept in place of what it has on disk');
  await registry.deploy('one', 'shop');
  await until('deployed anew', async () => (await record())?.running?.version === 1);
  t.match(deployments.states, [{ name: 'shop', revision: 1 }]);
});

t.test('of two gateways with one id the later one stays, and they do not fight', async (t) => {
  const { server, until, clock, lines } = await world(t);
  const first = server('s1', { environment: 'one', ttl: 9000 });
  first.member.start();
  await until('joined', async () => (await first.record())?.running?.version === 0);
  const second = server('s1', { environment: 'one', ttl: 9000, instance: 's1-2' });
  second.member.start();
  await until('taken over', async () => {
    const now = await first.record();
    return now?.instance === 's1-2' && now.running !== undefined;
  });
  first.access.calls.length = 0;
  await clock.pass(120_000);
  t.equal((await first.record())?.instance, 's1-2');
  t.notOk(first.access.calls.some(({ method }) => method === 'join'));
  t.ok(lines.some(({ reason }) => /another gateway runs as "s1"/.test(String(reason))));
  await second.member.leave();
  await until('the first is back', async () => (await first.record())?.instance === 's1-1');
});

t.test('leaving is told first; then the lease ends and nothing goes on', async (t) => {
  const { registry, server, until, clock } = await world(t);
  const { member, record, state, access } = server('s1', { environment: 'one' });
  member.start();
  await until('joined', async () => (await record())?.running?.version === 0);
  const announced = member.announceLeave();
  t.equal(state.lameDuck, true, 'at once');
  await announced;
  t.match(await record(), { leaving: true });
  await registry.patchServer('s1', { weight: 3 });
  await clock.pass(1000);
  t.equal(state.lameDuck, true, 'whatever the registry says meanwhile');
  t.match(await record(), { leaving: true }, 'every renewal says so');
  await member.leave();
  t.equal(await record(), undefined);
  access.calls.length = 0;
  await registry.putEnvironment('one', { variables: { a: 'b' } });
  await clock.pass(600_000);
  t.same(access.calls, []);
});

t.test('leaving before it ever joined', async (t) => {
  const { server, clock } = await world(t);
  const { member, record, access } = server('s1', { environment: 'one' });
  access.mode = 'down';
  member.start();
  await clock.pass(1000);
  await member.announceLeave();
  await member.leave();
  access.mode = 'up';
  await clock.pass(60_000);
  await settle();
  t.equal(await record(), undefined);
});

t.test('a subscription that takes long is waited for, and then joined once', async (t) => {
  const { server, until, clock } = await world(t);
  let open = () => {};
  const ready = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { member, record, access } = server('s1', { environment: 'one', ttl: 9000, subscribed: ready });
  member.start();
  await clock.pass(300_000);
  t.same(access.calls, [], 'a deploy between joining and subscribing would be missed');
  open();
  await until('joined', async () => (await record())?.running?.version === 0);
  t.equal(access.calls.filter(({ method }) => method === 'join').length, 1);
});
