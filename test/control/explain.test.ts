import { createServer } from 'node:http';
import t from 'tap';
import { operating } from '../cli/command-line.ts';
import { listening } from '../tools/listening.ts';
import { controlUnderTest } from './control-under-test.ts';

const shop = (url: string) => ({
  name: 'shop',
  basePath: '/shop',
  targets: { default: { url: `${url}/api` }, other: { url: 'https://other.example/x' } },
  policies: {
    proxyRequest: [
      { ipFilter: { deny: ['203.0.113.0/24'] } },
      { apiKey: { keys: ['the-secret-key'] } },
      { circuitBreaker: { failures: 7 } },
      { cors: { origins: ['https://app.example.com'] } },
    ],
    targetRequest: [{ headers: { set: { authorization: 'Bearer ${variables.token}', 'x-by': '${client.address}' }, remove: ['x-gone'] } }],
    proxyResponse: [{ headers: { set: { 'cache-control': 'no-store' } } }],
  },
  resources: [
    { path: '/pets/{id}', methods: ['GET'], policies: { proxyRequest: [{ rewrite: { path: '/v2/{id}' } }, { timeout: { total: '1s' } }] } },
    { path: '/pets/{id}', methods: ['PUT'], target: 'other' },
    { path: '/old', policies: { proxyRequest: [{ redirect: { to: 'https://new.example/' } }] } },
  ],
});

t.test('a request is explained by the code that serves it, and nothing is sent', async (t) => {
  const arrived: unknown[] = [];
  const target = createServer((request, response) => {
    arrived.push(request.url);
    response.end();
  });
  const url = `http://${await listening(t, target)}`;
  const under = await controlUnderTest(t);
  const { ask, registry } = under;
  await registry.putEnvironment('production', { variables: { token: 'the-secret-token' } });
  t.equal((await ask('POST', '/v1/projects', { body: shop(url) })).status, 201);
  for (const name of ['shop2', 'shop3'])
    await ask('POST', '/v1/projects', {
      body: { name, basePath: `/${name === 'shop2' ? 'shop/inner' : name}`, targets: { default: { url } } },
    });
  for (const name of ['shop', 'shop2', 'shop3']) await registry.deploy('production', name);
  const explain = async (method: string, url: string, headers: [string, string][] = [], rest: object = {}) => {
    const { status, body } = await ask('POST', '/v1/environments/production/explain', { body: { method, url, headers, ...rest } });
    t.equal(status, 200, JSON.stringify(body));
    t.notMatch(JSON.stringify(body), /the-secret/, 'secrets are left out');
    return body;
  };
  const key: [string, string] = ['X-Api-Key', 'the-secret-key'];
  const decisions = (body: { policies: { name: string; decision: string }[] }) =>
    body.policies.map(({ name, decision }) => `${name} ${decision}`);

  const passed = await explain('GET', 'http://api.example.com/shop/x/../pets/a%20b?q=1', [key, ['x-gone', '1']]);
  t.match(passed, {
    environment: 'production',
    servers: [],
    project: { name: 'shop', revision: 1, basePath: '/shop' },
    resource: { path: '/pets/{id}', methods: ['GET'], target: 'default' },
    outcome: { forwarded: { method: 'GET', url: `${url}/api/v2/a%20b?q=1`, host: url.slice('http://'.length) } },
  });
  t.same(decisions(passed), [
    'cors passes',
    'ipFilter passes',
    'apiKey passes',
    'circuitBreaker on-server',
    'rewrite passes',
    'headers passes',
    'timeout settings',
    'headers response',
  ]);
  const byName = Object.fromEntries(passed.policies.map((one: { name: string }) => [one.name, one]));
  t.same(byName.apiKey.settings, { keys: ['…'] });
  t.same(byName.circuitBreaker.settings, { failures: 7 });
  t.same(byName.rewrite.changes, ['- path /pets/a%20b?q=1', '+ path /v2/a%20b?q=1']);
  t.match(passed.policies[5].changes, ['- x-gone: 1', '+ authorization: …', '+ x-by: 127.0.0.1']);

  const refused = await explain('GET', '/shop/pets/7', [['origin', 'https://app.example.com']]);
  t.match(refused.outcome, { answer: { status: 401, code: 'api-key-missing' } });
  t.same(decisions(refused).slice(0, 5), [
    'cors passes',
    'ipFilter passes',
    'apiKey answers',
    'circuitBreaker not-reached',
    'rewrite not-reached',
  ]);
  t.match(refused.policies[0].changes, ['+ answer vary: Origin', '+ answer access-control-allow-origin: https://app.example.com']);
  t.match(await explain('GET', '/shop/pets/7', [key], { clientAddress: '203.0.113.9' }), {
    outcome: { answer: { code: 'address-refused' } },
  });
  t.match(await explain('PUT', '/shop/pets/7', [key]), {
    resource: { target: 'other' },
    outcome: { forwarded: { url: 'https://other.example:443/x/pets/7', host: 'other.example' } },
  });
  t.match(await explain('GET', '/shop/old', [key]), { outcome: { answer: { status: 302, location: 'https://new.example/' } } });
  const preflight: [string, string][] = [
    ['Origin', 'https://app.example.com'],
    ['Access-Control-Request-Method', 'PUT'],
  ];
  t.match(await explain('OPTIONS', '/shop/pets/7', preflight), { resource: { path: '/pets/{id}' }, outcome: { answer: { status: 204 } } });
  t.match(await explain('DELETE', '/shop/pets/7', [key]), {
    project: { name: 'shop' },
    resource: null,
    outcome: { answer: { status: 405 } },
  });
  t.match(await explain('GET', '/shop/none'), {
    project: { name: 'shop' },
    resource: null,
    outcome: { answer: { status: 404, code: 'no-resource' } },
  });
  t.match(await explain('GET', '/shop/inner/x'), { project: { name: 'shop2' }, outcome: { forwarded: { url: `${url}/x` } }, policies: [] });
  t.match(await explain('GET', '/elsewhere'), {
    project: null,
    resource: null,
    policies: [],
    outcome: { answer: { status: 404, code: 'no-project' } },
  });
  t.match(await explain('GET', '/shop/pets/a%2Fb'), { outcome: { answer: { status: 400, code: 'encoded-slash' } } });
  t.same(arrived, []);

  const sluice = operating(under);
  const shown = await sluice('explain', 'GET', '/shop/pets/7', '-H', 'x-api-key: the-secret-key', '-H', 'Accept: text/plain');
  t.match(shown, { status: 0, err: '' });
  t.match(
    shown.out,
    /^environment: production\nservers: none takes requests\nproject: shop@1 at \/shop\nresource: GET \/pets\/\{id\}, target default\n/,
  );
  t.match(shown.out, /^circuitBreaker +proxyRequest +decided on the gateway server$/m);
  t.match(shown.out, /\n {2}rewrite: \+ path \/v2\/7\n/);
  t.match(shown.out, /forwarded: GET http:\S+\/api\/v2\/7 \(Host: 127\.0\.0\.1:\d+\)$/);
  t.match(await sluice('explain', 'GET', '/shop/pets/7'), {
    status: 0,
    out: /^apiKey +proxyRequest +401 api-key-missing: .*\n(.*\n)*answered here: 401/m,
  });
  t.match(await sluice('explain', 'GET', '/x', '-H', 'nonsense'), { status: 2, err: /must be 'name: value'/ });
  await registry.putEnvironment('staging', { hosts: ['api.example.com', '*.staging.example'] });
  t.match(await sluice('explain', 'GET', '/x'), {
    status: 1,
    err: /several environments could get the request: name one with --environment/,
  });
  t.match(await sluice('explain', 'GET', 'https://a.staging.example/x'), { status: 0, out: /^environment: staging\n/ });
  t.match(await sluice('explain', 'GET', '/x', '--environment', 'production'), { status: 0, out: /^environment: production\n/ });
});

t.test('faulty requests are refused', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  const path = '/v1/environments/production/explain';
  for (const body of [
    {},
    { method: 'GET' },
    { method: 'G T', url: '/' },
    { method: 'GET', url: 'x' },
    { method: 'GET', url: '/ x' },
    { method: 'GET', url: 'ftp://a/' },
    { method: 'GET', url: '/', headers: [['a']] },
    { method: 'GET', url: '/', headers: { a: 'b' } },
    { method: 'GET', url: '/', clientAddress: 'here' },
    { method: 'GET', url: '/', other: 1 },
  ])
    t.match(await ask('POST', path, { body }), { status: 422 }, JSON.stringify(body));
  t.match(await ask('POST', '/v1/environments/none/explain', { body: { method: 'GET', url: '/' } }), { status: 404 });
  for (const url of ['/', '/%', '/..;/x', '*', 'http://a.example']) {
    const { status, body } = await ask('POST', path, { body: { method: 'GET', url } });
    t.ok(url === '*' ? status === 422 : status === 200 && body.outcome.answer.status >= 400, `${url}: ${status}`);
  }
});
