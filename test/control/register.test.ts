import { test } from 'tap';
import { controlUnderTest, joinRequest, liveServer, sampleProject, tokens } from './control-under-test.ts';

const asGateway = { headers: { authorization: `Bearer ${tokens.join}` } };

test('a gateway registers by plain HTTP, gets its snapshot, and leaves', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', { variables: { backend: 'http://127.0.0.1:1' } });
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await registry.deploy('production', 'pets');
  const register = () =>
    ask('PUT', '/v1/register/legacy', { body: { environment: 'production', address: '127.0.0.1:9300', weight: 3 }, ...asGateway });

  const first = await register();
  t.equal(first.status, 200);
  t.match(first.body, {
    environment: 'production',
    version: 1,
    variables: { backend: 'http://127.0.0.1:1' },
    projects: [{ name: 'pets', revision: 1, project: { basePath: '/pets' } }],
    server: { id: 'legacy', weight: 3, draining: false, ttl: 10_000 },
  });
  const record = await registry.server('legacy');
  t.match(record, { environment: 'production', source: 'http', address: '127.0.0.1:9300', weight: 3 });
  t.equal((await ask('GET', '/v1/servers/legacy')).body.state, 'joining');
  live.push(liveServer('legacy', 'production'));
  t.equal((await ask('GET', '/v1/servers/legacy')).body.state, 'ready', 'it is ready when it is healthy');

  await ask('PATCH', '/v1/servers/legacy', { body: { weight: 9 } });
  const again = await register();
  t.equal(again.body.server.weight, 9, "renewing does not undo the operator's weight");
  const renewed = await registry.server('legacy');
  t.equal(renewed?.instance, record?.instance, 'the instance stays the same');
  t.equal(renewed?.startedAt, record?.startedAt);

  t.equal((await ask('DELETE', '/v1/register/legacy', asGateway)).status, 204);
  t.equal(await registry.server('legacy'), undefined);
});

test('a new address makes a new instance, another ttl a new lease', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const register = (body: object) => ask('PUT', '/v1/register/legacy', { body, ...asGateway });
  await register({ address: '127.0.0.1:9300' });
  const before = await registry.server('legacy');
  t.equal(before?.ttl, 10_000);
  await register({ address: '127.0.0.1:9300', ttl: '30s' });
  t.equal((await registry.server('legacy'))?.ttl, 30_000);
  await register({ address: '127.0.0.1:9301', ttl: '30s' });
  const after = await registry.server('legacy');
  t.equal(after?.address, '127.0.0.1:9301');
  t.not(after?.instance, before?.instance);
});

test('a server without environment is available and gets no snapshot', async (t) => {
  const { ask } = await controlUnderTest(t);
  const { status, body } = await ask('PUT', '/v1/register/spare', { body: { address: '127.0.0.1:9300' }, ...asGateway });
  t.equal(status, 200);
  t.match(body, { environment: null, version: null, projects: [], server: { id: 'spare' } });
  t.equal((await ask('GET', '/v1/servers/spare')).body.state, 'available');
});

test('registrations that make no sense are refused', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const refusals: [body: unknown, status: number, path?: string][] = [
    [{}, 422, 'address'],
    [{ address: 'nowhere' }, 422, 'address'],
    [{ address: '127.0.0.1:70000' }, 422, 'address'],
    [{ address: '127.0.0.1:1', weight: -1 }, 422, 'weight'],
    [{ address: '127.0.0.1:1', ttl: '10ms' }, 422, 'ttl'],
    [{ address: '127.0.0.1:1', ttl: 10 }, 422, 'ttl'],
    [{ address: '127.0.0.1:1', ttl: '9h' }, 422, 'ttl'],
    [{ address: '127.0.0.1:1', extra: 1 }, 422, 'extra'],
    [{ address: '127.0.0.1:1', environment: 'nowhere' }, 404],
  ];
  for (const [body, status, path] of refusals) {
    const answer = await ask('PUT', '/v1/register/legacy', { body, ...asGateway });
    t.equal(answer.status, status, JSON.stringify(body));
    if (path !== undefined) t.equal(answer.body.errors[0].path, path, answer.body.detail);
  }
  const huge = await ask('PUT', '/v1/register/legacy', { body: `address: "${'x'.repeat(70_000)}"`, ...asGateway });
  t.same([huge.status, huge.body.code], [413, 'too-large'], 'the join token does not allow large bodies');
  t.equal((await ask('PUT', '/v1/register/not%20a%20name', { body: { address: '127.0.0.1:1' }, ...asGateway })).status, 422);
  t.same(await registry.servers(), []);
});

test('a Sluice gateway cannot be unregistered by plain HTTP', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.join(joinRequest('a'));
  t.equal((await ask('DELETE', '/v1/register/a', asGateway)).status, 409);
  t.ok(await registry.server('a'));
});
