import { request } from 'node:http';
import { test } from 'tap';
import { writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { eventually } from '../tools/eventually.ts';
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

test('a server that registers by plain HTTP gets a certificate for its key, if it proves who it is', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  const certificate = { id: '1', authorities: 'one', pem: 'certificate', until: 2 };
  registry.certification?.use({ certify: ({ hop }) => (hop?.certificate === undefined ? certificate : undefined) });
  await registry.putEnvironment('production', {});
  const key = writeKey(makeKeyPair().publicKey);
  const register = (hop: object, secret?: string) => {
    const headers = { ...asGateway.headers, ...(secret !== undefined && { 'lease-secret': secret }) };
    return ask('PUT', '/v1/register/legacy', { body: { environment: 'production', address: '127.0.0.1:9300', hop }, headers });
  };
  const { status, body } = await register({ key });
  t.same([status, body.code], [422, 'invalid']);
  t.match(body.detail, /Lease-Secret/);
  t.equal(await registry.server('legacy'), undefined);
  const secret = 'a secret of sixteen'.replaceAll(' ', '-');
  t.same((await register({ key }, secret)).body.hop, { key, certificate });
  t.match((await ask('GET', '/v1/servers/legacy')).body.hop, { tls: false, until: 2 });
  const serves = { certificate: '1', environment: 'production' };
  const { pem: _, ...known } = certificate;
  t.same((await register({ key, serves }, secret)).body.hop, { key, certificate: known, serves: true });
  t.match((await ask('GET', '/v1/servers/legacy')).body.hop, { tls: false }, 'the balancer decides');
  live.push({ ...liveServer('legacy', 'production'), mutualTls: true });
  t.match((await ask('GET', '/v1/servers/legacy')).body.hop, { tls: true, until: 2 });
  const other = writeKey(makeKeyPair().publicKey);
  for (const wrong of [undefined, 'another-secret-of-sixteen']) t.not((await register({ key: other }, wrong)).status, 200);
  t.equal((await registry.server('legacy'))?.hop?.key, key);
});

test('a Sluice gateway cannot be unregistered by plain HTTP', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.join(joinRequest('a'));
  t.equal((await ask('DELETE', '/v1/register/a', asGateway)).status, 409);
  t.ok(await registry.server('a'));
});

test('a live registration is replaced from its own host only: by another port, not by another address or client', async (t) => {
  const { ask, control, registry } = await controlUnderTest(t);
  const register = (body: object) => ask('PUT', '/v1/register/legacy', { body, ...asGateway });
  await register({ address: '127.0.0.1:9300' });
  const taken = await register({ address: '10.0.0.9:9300' });
  t.match([taken.status, taken.body.code], [409, 'conflict']);
  t.match(taken.body.detail, /another gateway runs as "legacy"/);
  const elsewhere = (method: string, body?: object) =>
    new Promise<number>((resolve, reject) => {
      const headers = { ...asGateway.headers, 'content-type': 'application/json' };
      // Another address of this machine, as of another client.
      const sent = request(`${control.url}/v1/register/legacy`, { method, headers, localAddress: '127.0.0.2' }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject).end(body && JSON.stringify(body));
    });
  t.equal(await elsewhere('PUT', { address: '127.0.0.1:9301' }), 409, 'nor by another client');
  t.equal(await elsewhere('PUT', { address: '127.0.0.1:9300', ttl: '1s' }), 409, 'which cannot shorten its lease either');
  t.equal(await elsewhere('DELETE'), 409, 'nor end it');
  t.match(await registry.server('legacy'), { address: '127.0.0.1:9300', ttl: 10_000 });
  t.equal(await elsewhere('PUT', { address: '127.0.0.1:9300' }), 200, 'a renewal changes nothing, so that it may come from anywhere');
  t.equal((await register({ address: '127.0.0.1:9301' })).status, 200);
  t.equal((await ask('DELETE', '/v1/register/legacy')).status, 204, 'the admin token ends every registration');
});

test('a registration with a Lease-Secret is changed, renewed and ended with the same one only, from anywhere', async (t) => {
  const { ask, registry, log } = await controlUnderTest(t);
  const secret = 'the-secret-of-legacy';
  const send = (method: string, given: string | undefined, body?: object) => {
    const headers = { ...asGateway.headers, ...(given !== undefined && { 'lease-secret': given }) };
    return ask(method, '/v1/register/legacy', { body, headers });
  };
  t.equal((await send('PUT', secret, { address: '127.0.0.1:9300' })).status, 200);
  for (const wrong of [undefined, 'another-secret-of-legacy']) {
    t.equal((await send('PUT', wrong, { address: '127.0.0.1:9300' })).status, 409, 'not even renewed');
    t.equal((await send('PUT', wrong, { address: '127.0.0.1:9301' })).status, 409);
    const refused = await send('DELETE', wrong);
    t.match([refused.status, refused.body.detail], [409, /Lease-Secret/]);
  }
  t.equal((await send('PUT', 'short', { address: '127.0.0.1:9300' })).status, 422);
  t.equal((await send('PUT', secret, { address: '127.0.0.1:9300' })).status, 200);
  t.equal((await send('PUT', secret, { address: '10.0.0.9:9300' })).status, 200, 'at another address, too');
  t.notMatch(JSON.stringify([await registry.servers(), (await ask('GET', '/v1/servers')).body, log]), /secret-of-legacy|holder/);
  t.equal((await send('DELETE', secret)).status, 204);
  t.equal(await registry.server('legacy'), undefined);
});

test('a plain registration does not take the id of a Sluice gateway, also not while that one is only healthy', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  const register = (address: string) => ask('PUT', '/v1/register/a', { body: { address, environment: 'production' }, ...asGateway });
  await registry.join({ ...joinRequest('a', 'production'), secret: 'the-secret-of-a-gateway' });
  for (const address of ['127.0.0.1:9101', '127.0.0.1:9102', '10.0.0.9:1']) t.equal((await register(address)).status, 409, address);
  await registry.join({ ...joinRequest('a', 'production'), secret: 'the-secret-of-a-gateway', ttl: 1 });
  await eventually(
    () => registry.server('a'),
    (server) => (server?.leaseRemaining ?? 0) < 0,
  );
  live.push(liveServer('a', 'production'));
  t.match((await register('10.0.0.9:1')).body, { code: 'conflict', detail: /until it is stopped/ });
  live.pop();
  t.equal((await register('10.0.0.9:1')).status, 200);
});

test('refused registrations are counted in the metrics by reason', async (t) => {
  const { ask } = await controlUnderTest(t);
  await ask('PUT', '/v1/register/a', { body: { address: '127.0.0.1:1' }, ...asGateway });
  await ask('PUT', '/v1/register/a', { body: { address: '10.0.0.1:1' }, ...asGateway });
  await ask('PUT', '/v1/register/a', { body: { address: '10.0.0.1:1' }, headers: { authorization: 'Bearer a-wrong-token' } });
  const { body } = await ask('GET', '/metrics');
  for (const [reason, count] of [
    ['taken', 1],
    ['token', 1],
    ['scope', 0],
  ] as const)
    t.match(body, new RegExp(`^sluice_join_refusals_total\\{reason="${reason}"\\} ${count}$`, 'm'));
  t.match(body, /^sluice_join_connections 0$/m);
});
