import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'tap';
import { isLocal } from '../../src/proxy/is-local.ts';
import { controlUnderTest, tokens } from './control-under-test.ts';

/** Every route of the admin API, with the access that it requires. */
const routes: [method: string, path: string, least: 'admin' | 'join' | 'monitor' | 'anyone'][] = [
  ['GET', '/v1/environments', 'admin'],
  ['PUT', '/v1/environments/{env}', 'admin'],
  ['GET', '/v1/environments/{env}', 'admin'],
  ['DELETE', '/v1/environments/{env}', 'admin'],
  ['GET', '/v1/registry', 'admin'],
  ['GET', '/v1/control', 'admin'],
  ['GET', '/v1/ca', 'admin'],
  ['POST', '/v1/ca/rotate', 'admin'],
  ['GET', '/v1/secrets', 'admin'],
  ['POST', '/v1/secrets/rotate', 'admin'],
  ['GET', '/v1/servers', 'admin'],
  ['GET', '/v1/servers/{id}', 'admin'],
  ['DELETE', '/v1/servers/{id}', 'admin'],
  ['PATCH', '/v1/servers/{id}', 'admin'],
  ['PUT', '/v1/environments/{env}/servers/{id}', 'admin'],
  ['DELETE', '/v1/environments/{env}/servers/{id}', 'admin'],
  ['POST', '/v1/projects', 'admin'],
  ['POST', '/v1/projects/validate', 'admin'],
  ['GET', '/v1/projects', 'admin'],
  ['GET', '/v1/projects/{name}', 'admin'],
  ['DELETE', '/v1/projects/{name}', 'admin'],
  ['DELETE', '/v1/projects/{name}/revisions/{n}', 'admin'],
  ['GET', '/v1/projects/{name}/revisions/{n}', 'admin'],
  ['PUT', '/v1/environments/{env}/deployments/{project}', 'admin'],
  ['DELETE', '/v1/environments/{env}/deployments/{project}', 'admin'],
  ['DELETE', '/v1/environments/{env}/cache', 'admin'],
  ['POST', '/v1/environments/{env}/deployments/{project}/rollback', 'admin'],
  ['GET', '/v1/environments/{env}/deployments', 'admin'],
  ['GET', '/v1/consumers', 'admin'],
  ['POST', '/v1/consumers', 'admin'],
  ['GET', '/v1/consumers/{name}', 'admin'],
  ['PUT', '/v1/consumers/{name}', 'admin'],
  ['DELETE', '/v1/consumers/{name}', 'admin'],
  ['POST', '/v1/consumers/{name}/keys', 'admin'],
  ['DELETE', '/v1/consumers/{name}/keys/{id}', 'admin'],
  ['GET', '/v1/products', 'admin'],
  ['GET', '/v1/products/{name}', 'admin'],
  ['PUT', '/v1/products/{name}', 'admin'],
  ['DELETE', '/v1/products/{name}', 'admin'],
  ['PUT', '/v1/products/{name}/subscriptions/{consumer}', 'admin'],
  ['DELETE', '/v1/products/{name}/subscriptions/{consumer}', 'admin'],
  ['POST', '/v1/environments/{env}/explain', 'admin'],
  ['GET', '/v1/usage', 'admin'],
  ['GET', '/v1/callers', 'join'],
  ['GET', '/v1/callers/{part}', 'join'],
  ['PUT', '/v1/register/{id}', 'join'],
  ['DELETE', '/v1/register/{id}', 'join'],
  ['GET', '/v1/join', 'join'],
  ['GET', '/v1/join-token', 'admin'],
  ['GET', '/v1/events', 'admin'],
  ['GET', '/v1/events/history', 'admin'],
  ['GET', '/v1/deployments', 'admin'],
  ['POST', '/v1/session', 'admin'],
  ['DELETE', '/v1/session', 'admin'],
  ['GET', '/metrics', 'monitor'],
  ['GET', '/v1/prometheus/targets', 'monitor'],
  ['GET', '/healthz', 'monitor'],
  ['GET', '/readyz', 'monitor'],
];

/** An operation of an OpenAPI document. */
interface Described {
  readonly summary?: string;
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

test('/openapi.json describes exactly the routes that exist', async (t) => {
  const { ask } = await controlUnderTest(t);
  const { status, body } = await ask('GET', '/openapi.json', { headers: { authorization: '' } });
  t.equal(status, 200, 'no token is needed');
  t.match(body.openapi, /^3\.1/);
  const described = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.same(described.sort(), routes.map(([method, path]) => `${method} ${path}`).sort());
  const references = JSON.stringify(body).match(/#\/components\/schemas\/[\w-]+/g) ?? [];
  t.ok(references.length > 20);
  for (const reference of new Set(references)) t.ok(body.components.schemas[reference.split('/').at(-1) as string], `${reference} exists`);
  for (const [path, methods] of Object.entries(body.paths as Record<string, Record<string, Described>>)) {
    for (const [method, { summary, responses }] of Object.entries(methods)) {
      t.ok(summary, `${method} ${path} has a summary`);
      for (const [status, { description }] of Object.entries(responses))
        t.notMatch(description, /^(Default Response)?$/, `${method} ${path} describes its ${status}`);
      if (path.startsWith('/v1')) t.ok('4XX' in responses || '4xx' in responses, `${method} ${path} describes its refusals`);
    }
  }
});

test('every route checks its token before anything else', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await ask('PUT', '/v1/environments/production', { body: {} });
  for (const [method, path, least] of routes) {
    if (least === 'monitor') continue;
    const place = path
      .replace('{env}', 'production')
      .replace('{n}', '1')
      .replaceAll(/\{\w+\}/g, 'x');
    const body = method === 'PUT' || method === 'POST' ? { body: '{ garbage' } : {};
    const shown: [string, string][] = [
      ['no token', ''],
      ['a wrong one', 'Bearer wrong-token-of-the-tests'],
      ['basic', `Basic ${Buffer.from(`admin:${tokens.admin}`).toString('base64')}`],
      ...(least === 'admin' ? ([['the join token', `Bearer ${tokens.join}`]] as [string, string][]) : []),
    ];
    for (const [name, authorization] of shown) {
      const answer = await ask(method, place, { ...body, headers: { authorization } });
      t.equal(answer.status, 401, `${method} ${path} with ${name}`);
      t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="sluice"');
      t.equal(answer.body.code, 'unauthorized');
    }
  }
  t.equal((await registry.environments()).length, 1, 'nothing was changed');
  t.equal((await ask('GET', '/v1/nothing/here', { headers: { authorization: '' } })).status, 401, 'unknown paths look like known ones');
  t.equal((await ask('DELETE', '/v1/register/x', { headers: { authorization: `Bearer ${tokens.join}` } })).status, 204);
  t.equal((await ask('DELETE', '/v1/register/x')).status, 204);
});

test('a request without access is refused before its body is sent', async (t) => {
  const { control } = await controlUnderTest(t);
  const { port } = new URL(control.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write('POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n{');
  const [first] = (await new Promise<Buffer[]>((resolve) => socket.once('data', (chunk) => resolve([chunk])))) as [Buffer];
  t.match(first.toString(), /^HTTP\/1\.1 401 /);
  socket.destroy();
});

test('tokens never reach the log', async (t) => {
  const { ask, log } = await controlUnderTest(t);
  await ask('GET', '/v1/servers');
  await ask('PUT', '/v1/environments/x', { body: '{', headers: { authorization: 'Bearer wrong-token-of-the-tests' } });
  await ask('GET', `/v1/servers/${tokens.admin}?token=${tokens.join}`);
  const text = log.join('');
  for (const secret of [tokens.admin, tokens.join, 'wrong-token']) t.notOk(text.includes(secret));
});

test('probes from this machine need no token', async (t) => {
  const under = await controlUnderTest(t);
  const withoutToken = { headers: { authorization: '' } };
  t.same(await under.ask('GET', '/healthz', withoutToken).then(({ status, body }) => [status, body]), [200, { status: 'ok' }]);
  t.equal((await under.ask('GET', '/readyz', withoutToken)).status, 200);
  under.ready = false;
  t.same(await under.ask('GET', '/readyz', withoutToken).then(({ status, body }) => [status, body]), [
    503,
    { status: 'not ready', reason: 'the listeners are not open yet' },
  ]);
});

test('a request is local if both its peer and its Host are loopback', (t) => {
  for (const [peer, host, own] of [
    ['127.0.0.1', '127.0.0.1:9000', true],
    ['127.9.9.9', 'localhost', true],
    ['::1', '[::1]:9000', true],
    ['::ffff:127.0.0.1', 'LOCALHOST:9000', true],
    ['10.0.0.1', '127.0.0.1:9000', false],
    ['::ffff:10.0.0.1', 'localhost', false],
    ['fe80::1', 'localhost', false],
    ['127.0.0.1.example.com', 'localhost', false],
    [undefined, 'localhost', false],
    ['127.0.0.1', 'evil.example.com:9000', false],
    ['127.0.0.1', '127.0.0.1.example.com', false],
    ['127.0.0.1', undefined, false],
  ] as const)
    t.equal(isLocal(peer, host), own, `${peer} to ${host}`);
  t.end();
});

test('a probe sent to another host name needs a token', async (t) => {
  const { control } = await controlUnderTest(t);
  const status = async (headers: Record<string, string>) => {
    const sent = request(`${control.url}/metrics`, { headers });
    sent.end();
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode;
  };
  t.equal(await status({ host: 'evil.example.com' }), 401);
  t.equal(await status({ host: 'evil.example.com', authorization: `Bearer ${tokens.admin}` }), 200);
});

test('the admin gets the join token, which no cache keeps', async (t) => {
  const { ask } = await controlUnderTest(t);
  const { status, body, headers } = await ask('GET', '/v1/join-token');
  t.same([status, body, headers.get('cache-control')], [200, { token: tokens.join }, 'no-store']);
  t.equal((await ask('GET', '/v1/join-token', { headers: { authorization: `Bearer ${tokens.join}` } })).status, 401);
});
