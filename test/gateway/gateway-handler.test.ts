import t from 'tap';
import { compileProject } from '../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { policyServices } from '../tools/policy-services.ts';
import { deployed } from './samples.ts';

const options = { origin: { epoch: 'e', variables: {} }, services: policyServices() };
const shop = compileProject(
  deployed({
    name: 'shop',
    resources: [
      { path: '/items', methods: ['GET', 'POST'] },
      { path: '/any' },
      { path: '/locked', policies: { proxyRequest: [{ apiKey: { keys: ['open sesame'] } }] } },
    ],
  }),
  options,
);

function setup(table: ProjectTable | undefined = new ProjectTable([shop]), ready = true) {
  const { logger, lines } = keptLogger();
  const handler = new GatewayHandler({ table, ready }, logger);
  const send = (method: string, target: string, headers: Record<string, string> = {}) => {
    const exchange = new FakeExchange(method, target, headers);
    handler.request(exchange);
    return exchange;
  };
  return { send, handler, lines };
}

t.test('every request ends in exactly one way', async (t) => {
  const { send } = setup();
  const cases: [method: string, target: string, status: number | undefined, code?: string][] = [
    ['GET', '/shop/items', undefined],
    ['HEAD', '/shop/items?x', undefined],
    ['OPTIONS', '/shop/any', undefined],
    ['GET', '/nowhere', 404, 'no-project'],
    ['GET', '/shop', 404, 'no-resource'],
    ['GET', '/shop/items/%2e%2e/none', 404, 'no-resource'],
    ['GET', '/shop/%', 400, 'bad-path'],
    ['GET', '/.sluice', 404, 'not-found'],
    ['GET', '/.sluice/metrics', 404, 'not-found'],
    ['GET', '/x/../%2esluice/other', 404, 'not-found'],
    ['GET', '/.sluices', 404, 'no-project'],
    ['OPTIONS', '*', 204],
    ['GET', '/shop/locked', 401],
  ];
  for (const [method, target, status, code] of cases) {
    const exchange = send(method, target);
    t.equal(exchange.status, status, `${method} ${target}`);
    t.equal(exchange.failure?.code, code, `${method} ${target}`);
    t.equal([exchange.route, exchange.answer, exchange.failure].filter((end) => end !== undefined).length, 1);
  }
});

const sensitive = (name: string, rest: Parameters<typeof deployed>[0] | object = {}) =>
  compileProject(
    deployed({
      name,
      resources: [
        {
          path: '/admin',
          childPaths: true,
          policies: { proxyRequest: [{ apiKey: { keys: ['k'] } }], targetResponse: [{ headers: { remove: ['x-internal'] } }] },
        },
        { path: '/', childPaths: true, policies: { proxyRequest: [{ headers: { add: { 'x-open': 'yes' } } }] } },
      ],
      ...rest,
    }),
    options,
  );

t.test('encoded slashes are refused by default, with the remedy', async (t) => {
  const { send } = setup(new ProjectTable([sensitive('shop')]));
  for (const path of ['/shop/a%2Fb', '/shop/a%5cb', '/shop/admin%2Fx', '/shop/%2Fadmin/x', '/shop/admin%252Fx', '/shop/admin%255cx'])
    t.match(send('GET', path).failure, { status: 400, code: 'encoded-slash', title: /encodedSlashes: keep/ }, path);
  t.ok(send('GET', '/shop/a?b=%2F').route, 'in a query they mean nothing');
});

t.test('policies of every resource that a target could read in the path run', async (t) => {
  const table = new ProjectTable([
    sensitive('shop', { encodedSlashes: 'keep' }),
    sensitive('plain'),
    sensitive('urls', { mergeSlashes: false }),
    compileProject(deployed({ name: 'whole', basePath: '/', encodedSlashes: 'keep' }), options),
  ]);
  const { send } = setup(table);
  const key = { 'x-api-key': 'k' };
  for (const path of [
    '/shop/admin%2Fx',
    '/shop/admin%5Cx',
    '/shop/x%2F/../admin%2Fx',
    '/shop/admin%252Fx',
    '/shop/admin%3Fx',
    '/plain/admin;x=1/y',
    '/plain/admin%3Bx',
    '/plain/%2561dmin',
    '/plain/admin%23',
    '/plain/admin%20/x',
    '/plain/ad%0Amin',
    '/urls/admin//x',
    '/urls//x/admin',
    '/urls//admin',
    '/shop/%2Fadmin/x',
    '/shop/%2Fx/admin',
    '/plain/;x/admin',
  ]) {
    t.equal(send('GET', path).answer?.status, 401, path);
    const passed = send('GET', path, key);
    t.ok(passed.route, `${path} with the key`);
    if (!path.startsWith('/urls')) t.equal(passed.request.headers.get('x-open'), 'yes', `the policies of both resources run for ${path}`);
    passed.response.headers.set('x-internal', 'secret');
    passed.route?.respond?.(passed, undefined as never);
    t.equal(passed.response.headers.get('x-internal'), undefined, `on the response, too, for ${path}`);
  }
  t.ok(send('GET', '/shop/files/a%2Fb').route);
  t.ok(send('GET', '/plain/files;v=1/b').route);
  for (const path of [
    '/plain;x/admin',
    '/shop%2Fadmin',
    '/shop/..%2Fplain/admin',
    '/%2Fx/.sluice/metrics',
    '/%2Fx/plain/admin',
    '/urls/..;/x',
  ])
    t.equal(send('GET', path, key).failure?.code, 'bad-path', path);
  t.equal(send('GET', '/.sluice%2Fmetrics', key).failure?.code, 'not-found', 'no project serves a reserved path');
});

t.test('a reading that no resource has is not served', async (t) => {
  const table = new ProjectTable([
    sensitive('shop', { encodedSlashes: 'keep', resources: [{ path: '/{page}' }, { path: '/a/b' }, { path: '/a/c', methods: ['PUT'] }] }),
  ]);
  const { send } = setup(table);
  t.ok(send('GET', '/shop/x').route);
  t.ok(send('GET', '/shop/a%2Fb').route);
  t.match(send('GET', '/shop/hidden%2Fpage').failure, { status: 404, code: 'no-resource', title: /another way/ });
  t.match(send('GET', '/shop/%23x').failure, { code: 'no-resource', title: /another way/ });
  t.match(send('GET', '/shop/x/y%23x').failure, { code: 'no-resource', title: /no such/ });
  t.ok(send('PUT', '/shop/a%2Fc').route);
  t.match(send('GET', '/shop/a%2Fc').answer, { status: 405 }, 'each reading must allow the method');
});

t.test('405 and OPTIONS list the allowed methods', async (t) => {
  const { send } = setup();
  const refused = send('DELETE', '/shop/items').answer;
  t.match(refused, { status: 405, headers: { allow: 'GET, POST, HEAD, OPTIONS', 'content-type': 'application/problem+json' } });
  t.match(JSON.parse(refused?.body ?? ''), { status: 405, code: 'method-not-allowed', requestId: 'request-1' });
  t.match(send('OPTIONS', '/shop/items').answer, { status: 204, headers: { allow: 'GET, POST, HEAD, OPTIONS' } });
});

t.test('a policy can answer instead of the target', async (t) => {
  const { send } = setup();
  t.equal(send('GET', '/shop/locked', { 'x-api-key': 'wrong' }).answer?.status, 401);
  t.ok(send('GET', '/shop/locked', { 'x-api-key': 'open sesame' }).route);
});

t.test('/.sluice/ready answers 200 while the gateway takes new requests, else 503', async (t) => {
  t.match(setup().send('GET', '/.sluice/ready').answer, { status: 200, body: 'ready\n' });
  t.equal(setup().send('HEAD', '/.sluice/ready').status, 200);
  t.match(setup().send('POST', '/.sluice/ready').answer, { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
  t.match(setup(undefined, false).send('GET', '/.sluice/ready').failure, { status: 503, code: 'not-ready' });
  const draining = setup(new ProjectTable([shop]), false);
  t.equal(draining.send('GET', '/.sluice/ready').status, 503);
  t.ok(draining.send('GET', '/shop/any').route, 'a draining gateway still serves requests');
});

t.test('/.sluice/usage answers balancers, which show certificates, unless they pass on a request of a client', async (t) => {
  const counted = async () => ({ type: '', octets: Buffer.from('{}') });
  const metrics = { admits: (given?: string) => given === 'token', metrics: counted, usage: counted };
  const handler = new GatewayHandler({ table: undefined, ready: true, metrics }, silentLogger);
  const answerTo = async (facts: object, headers: Record<string, string> = {}, method = 'GET') => {
    const exchange = Object.assign(new FakeExchange(method, '/.sluice/usage?project=shop', headers), facts);
    handler.request(exchange);
    await Promise.resolve();
    return exchange.status;
  };
  t.equal(await answerTo({}), 401, 'another machine');
  t.equal(await answerTo({}, { authorization: 'token' }), 200);
  t.equal(await answerTo({ fromBalancer: true }), 200);
  t.equal(await answerTo({ fromBalancer: true, forwarded: true }), 401);
  t.equal(await answerTo({ fromBalancer: true }, { via: '1.1 sluice' }), 404);
  t.equal(await answerTo({ fromBalancer: true }, {}, 'POST'), 405);
});

t.test('a server without a snapshot answers 503', async (t) => {
  const { send, handler } = setup();
  send('GET', '/.sluice/ready');
  t.equal(handler.requests, 0, 'health checks do not count as requests');
  send('GET', '/shop/any');
  t.equal(handler.requests, 1);
  const bare = new GatewayHandler({ table: undefined, ready: false }, silentLogger);
  const exchange = new FakeExchange('GET', '/shop/any');
  bare.request(exchange);
  t.match(exchange.failure, { status: 503, code: 'not-ready' });
});

t.test('a bug is logged with its stack and the id of the request', async (t) => {
  const { logger, lines } = keptLogger();
  new GatewayHandler({ table: undefined, ready: true }, logger).fault(new Error('oops'), 'request-1');
  t.match(lines, [{ requestId: 'request-1', err: { message: 'oops', stack: /handler\.test\.ts/ } }]);
});
