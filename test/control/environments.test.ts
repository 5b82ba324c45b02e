import { test } from 'tap';
import { controlUnderTest, joinRequest, sampleProject } from './control-under-test.ts';

test('an environment is created, read with its defaults, changed and deleted', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const created = await ask('PUT', '/v1/environments/production', {
    body: { balance: 'least-connections', limits: { queueTimeout: '250ms' } },
  });
  t.equal(created.status, 201);
  t.match(created.headers.get('etag'), /^"0-[0-9a-f]{16}"$/);
  t.match(created.body, {
    name: 'production',
    balance: 'least-connections',
    hosts: [],
    panicThreshold: 50,
    limits: { queueTimeout: '250ms', queue: 0 },
  });
  t.match(created.body.health, { path: '/.sluice/ready', interval: '2s', timeout: '1s' });
  t.match(created.body.status, { listening: '127.0.0.1:8080', snapshot: { version: 0 } });
  t.same(
    (await registry.environment('production'))?.input,
    { balance: 'least-connections', limits: { queueTimeout: '250ms' } },
    'it is stored as written',
  );

  const read = await ask('GET', '/v1/environments/production');
  t.same(read.body, created.body);
  const sentBack = await ask('PUT', '/v1/environments/production', { body: { ...read.body, panicThreshold: 10 } });
  t.equal(sentBack.status, 200, 'an answer can be edited and sent back');
  t.equal(sentBack.body.panicThreshold, 10);

  const yaml = await ask('PUT', '/v1/environments/staging', { body: 'listen: 127.0.0.1:8090\nhealth: off\n', type: 'application/yaml' });
  t.equal(yaml.status, 201);
  t.equal(yaml.body.health, 'off');
  t.same(
    (await ask('GET', '/v1/environments')).body.map((one: { name: string }) => one.name),
    ['production', 'staging'],
  );
  t.equal((await ask('DELETE', '/v1/environments/staging')).status, 204);
  t.equal((await ask('GET', '/v1/environments/staging')).status, 404);
});

test('an environment in use is only deleted with ?force', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await ask('PUT', '/v1/environments/production', { body: {} });
  await registry.join(joinRequest('a', 'production'));
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await ask('PUT', '/v1/environments/production/deployments/pets');
  const refused = await ask('DELETE', '/v1/environments/production');
  t.equal(refused.status, 409);
  t.equal(refused.body.code, 'not-empty');
  t.equal((await ask('DELETE', '/v1/environments/production?force')).status, 204);
  t.equal((await ask('GET', '/v1/servers/a')).body.state, 'available');
});

test('invalid settings are refused with every fault and its line, and change nothing', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const body = 'listen: nowhere\nbalanse: hash\nretries:\n  attempts: 99\n';
  const { status, body: problem, headers } = await ask('PUT', '/v1/environments/production', { body, type: 'text/yaml' });
  t.equal(status, 422);
  t.match(headers.get('content-type') ?? '', /^application\/problem\+json/);
  t.equal(problem.code, 'invalid');
  t.same(
    problem.errors.map((fault: { path: string; line: number }) => [fault.path, fault.line]),
    [
      ['listen', 1],
      ['balanse', 2],
      ['retries.attempts', 4],
    ],
  );
  t.same(await registry.environments(), []);
});

test("another environment's listener and host cannot be taken; an environment without an address is accepted", async (t) => {
  const { ask } = await controlUnderTest(t);
  await ask('PUT', '/v1/environments/production', { body: { listen: '127.0.0.1:8080', hosts: ['api.example.com'] } });
  const same = await ask('PUT', '/v1/environments/other', { body: { listen: '127.0.0.1:8080', hosts: ['api.example.com'] } });
  t.equal(same.status, 422);
  t.equal(same.body.errors[0].path, 'hosts');
  t.equal((await ask('PUT', '/v1/environments/other', { body: { listen: '127.0.0.1:8080', hosts: ['b.example.com'] } })).status, 201);
  await ask('PUT', '/v1/environments/default', { body: {} });
  t.equal((await ask('PUT', '/v1/environments/later', { body: {} })).status, 201);
  const renamed = await ask('PUT', '/v1/environments/later', { body: { name: 'default' } });
  t.equal(renamed.status, 422);
});

test("an environment whose name is a number cannot take another environment's listener, host or server either", async (t) => {
  const { ask } = await controlUnderTest(t);
  const servers = [{ id: 'a', address: '127.0.0.1:9' }];
  await ask('PUT', '/v1/environments/production', { body: { listen: '127.0.0.1:8080', hosts: ['api.example.com'], servers } });
  const taken = await ask('PUT', '/v1/environments/2', { body: { listen: '127.0.0.1:8080', hosts: ['api.example.com'], servers } });
  t.equal(taken.status, 422);
  t.strictSame(
    taken.body.errors.map(({ path }: { path: string }) => path),
    ['hosts', 'servers.0.id'],
  );
});
