import t from 'tap';
import { compileProject } from '../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { deployed } from './samples.ts';

const options = { origin: { epoch: 'e', variables: {} }, random: () => 0 };
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
