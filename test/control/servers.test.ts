import { test } from 'tap';
import { controlUnderTest, joinRequest, liveServer } from './control-under-test.ts';

test('servers are described by the registry and the balancer together', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  const servers = ['fixed', 'new'].map((id) => ({ id, address: '127.0.0.1:9102' }));
  await ask('PUT', '/v1/environments/production', { body: { servers } });
  await registry.join(joinRequest('b', 'production'));
  const joined = await registry.join(joinRequest('a', 'production'));
  const running = { epoch: joined.snapshot?.epoch ?? '', version: joined.snapshot?.version ?? -1, hash: joined.snapshot?.hash ?? '' };
  const projects = [{ name: 'pets', revision: 0, state: 'rejected', error: 'no such variable' } as const];
  await registry.renew({ id: 'a', instance: 'a-1', running, projects });
  await registry.join(joinRequest('c'));
  live.push(
    liveServer('a', 'production', { active: 3, requests: 40 }),
    liveServer('b', 'production', { health: 'down', reason: 'connect refused' }),
  );
  // This server has left the registry, and the balancer still has it.
  live.push(liveServer('gone', 'production'));
  live.push(liveServer('fixed', 'production'), liveServer('new', 'production', { health: 'unknown' }));

  const { body } = await ask('GET', '/v1/servers');
  t.same(
    body.map((one: { id: string; state: string; health: string; source: string }) => [one.id, one.state, one.health, one.source]),
    [
      ['a', 'ready', 'up', 'join'],
      ['b', 'joining', 'down', 'join'],
      ['c', 'available', 'unknown', 'join'],
      ['fixed', 'ready', 'up', 'static'],
      ['new', 'joining', 'unknown', 'static'],
    ],
  );
  const one = (await ask('GET', '/v1/servers/a')).body;
  t.match(one, {
    instance: 'a-1',
    environment: 'production',
    address: '127.0.0.1:9101',
    weight: 1,
    running,
    projects,
    active: 3,
    requests: 40,
  });
  t.equal(one.startedAt, 1_700_000_000_000);
  t.ok(Math.abs(one.lastSeen - Date.now()) < 30_000);
  t.equal((await ask('GET', '/v1/servers/b')).body.reason, 'connect refused');
  t.match((await ask('GET', '/v1/servers/c')).body, { environment: null, running: null, projects: [], active: 0 });
  t.match((await ask('GET', '/v1/servers/fixed')).body, { instance: null, version: null, startedAt: null, lastSeen: null });
  t.same((await ask('GET', '/v1/servers?environment=production')).body.length, 4);
  t.equal((await ask('GET', '/v1/servers?environment=nowhere')).status, 404);
  t.equal((await ask('GET', '/v1/servers/nobody')).status, 404);
});

test('a server is added to an environment, moved after draining, and made available again', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  for (const name of ['production', 'staging']) await registry.putEnvironment(name, {});
  await registry.join(joinRequest('a'));
  t.match((await ask('PUT', '/v1/environments/production/servers/a')).body, { environment: 'production', state: 'joining' });
  t.match((await ask('PUT', '/v1/environments/staging/servers/a')).body, {
    environment: 'production',
    movingTo: 'staging',
    state: 'draining',
  });
  await registry.renew({ id: 'a', instance: 'a-1', projects: [], drained: true });
  t.match((await ask('GET', '/v1/servers/a')).body, { environment: 'staging', state: 'joining' });
  t.equal(
    (await ask('DELETE', '/v1/environments/production/servers/a')).status,
    404,
    'a server cannot be removed from an environment that it is not in',
  );
  t.match((await ask('DELETE', '/v1/environments/staging/servers/a')).body, { environment: 'staging', movingTo: null, state: 'draining' });
  await registry.renew({ id: 'a', instance: 'a-1', projects: [], drained: true });
  t.match((await ask('GET', '/v1/servers/a')).body, { environment: null, state: 'available' });
  t.equal((await ask('PUT', '/v1/environments/nowhere/servers/a')).status, 404);
  t.equal((await ask('PUT', '/v1/environments/production/servers/nobody')).status, 404);
});

test('a server is drained, resumed and given a weight; invalid bodies change nothing', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  await registry.join(joinRequest('a', 'production'));
  t.match((await ask('PATCH', '/v1/servers/a', { body: { draining: true, weight: 7 } })).body, { state: 'draining', weight: 7 });
  t.match((await ask('PATCH', '/v1/servers/a', { body: { draining: false } })).body, { state: 'joining', weight: 7 });
  for (const body of [{}, { weight: -1 }, { weight: 1.5 }, { weight: '7' }, { drain: true }, [], 7, 'x', { weight: null }]) {
    const answer = await ask('PATCH', '/v1/servers/a', { body });
    t.equal(answer.status, 422, JSON.stringify(body));
    t.ok(answer.body.errors.length > 0);
  }
  t.equal((await registry.server('a'))?.weight, 7);
});

test('a static server is drained and resumed; its weight is in its settings', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', { servers: [{ id: 'fixed', address: '127.0.0.1:9102' }] });
  live.push(liveServer('fixed', 'production', { active: 2 }));
  const drained = await ask('PATCH', '/v1/servers/fixed', { body: { draining: true } });
  t.match(drained, { status: 200, body: { state: 'draining', source: 'static', active: 2 } });
  t.match((await ask('GET', '/v1/servers')).body, [{ id: 'fixed', state: 'draining' }]);
  t.equal((await ask('PATCH', '/v1/servers/fixed', { body: { draining: false, weight: 2 } })).status, 409);
  t.match((await ask('GET', '/v1/servers/fixed')).body, { state: 'draining' }, 'a refused change changes nothing');
  t.match((await ask('PATCH', '/v1/servers/fixed', { body: { draining: false } })).body, { state: 'ready' });
});

test('static servers can only be changed in their environment', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', { servers: [{ id: 'fixed', address: '127.0.0.1:9102' }] });
  live.push(liveServer('fixed', 'production'));
  for (const [method, path] of [
    ['PATCH', '/v1/servers/fixed'],
    ['PUT', '/v1/environments/production/servers/fixed'],
    ['DELETE', '/v1/environments/production/servers/fixed'],
  ] as const) {
    const answer = await ask(method, path, method === 'PATCH' ? { body: { weight: 2 } } : {});
    t.equal(answer.status, 409, `${method} ${path}`);
    t.match(answer.body.detail, /static/);
  }
});

test('lists of thousands of servers are answered whole, and to all who ask at the same time', async (t) => {
  const under = await controlUnderTest(t);
  const { ask, live, registry } = under;
  const ids = Array.from({ length: 1500 }, (_, index) => `static-${1000 + index}`);
  await registry.putEnvironment('production', { servers: ids.map((id) => ({ id, address: '127.0.0.1:9101' })) });
  for (const id of ids) live.push(liveServer(id, 'production', { health: 'up', requests: 3 }));
  const answers = await Promise.all(Array.from({ length: 4 }, () => ask('GET', '/v1/servers')));
  for (const { status, headers, body } of answers) {
    t.equal(status, 200);
    t.match(headers.get('content-type'), /^application\/json/);
    t.strictSame(
      (body as { id: string; requests: number }[]).map(({ id }) => id),
      ids,
    );
  }
  const environment = await ask('GET', '/v1/environments/production');
  t.equal((environment.body as { servers: unknown[] }).servers.length, 1500);
  t.match(environment.headers.get('etag'), /^"/);
  await registry.join(joinRequest('late', 'production'));
  t.equal(((await ask('GET', '/v1/servers')).body as unknown[]).length, 1501, 'a list has what was done before it was asked for');
  const deployments = await ask('GET', '/v1/environments/production/deployments');
  t.match(deployments.body, { servers: [{ id: 'late' }] });
});
