import t from 'tap';
import { keptLogger } from '../tools/fake-logger.ts';
import { jsonService, type Told } from '../tools/json-service.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';

async function world(own: object = {}) {
  const { logger, lines } = keptLogger();
  const service = await jsonService(t);
  const policy = policyOf({ extAuth: { url: `${service.url}/decide?key=geheim`, ...own } }, 'proxyRequest', policyServices({ logger }));
  const ask = async (told: Told, given: ConstructorParameters<typeof FakeContext>[0] = {}) => {
    service.answer = () => told;
    const context = new FakeContext(given);
    const answer = await policy.run(context);
    return { context, answer, asked: service.asked.at(-1) };
  };
  return { service, lines, ask };
}

t.test('tells the service about the request, and lets it pass', async (t) => {
  const { ask } = await world({
    headers: ['Authorization', 'X-Tenant', 'X-Original-URI', 'Connection', 'host'],
    responseHeaders: ['X-User', 'x-groups', 'x-none'],
  });
  const { answer, context, asked } = await ask(
    { status: 204, headers: { 'x-user': 'anna', 'x-groups': 'a', 'x-other': 'no' } },
    {
      method: 'DELETE',
      target: '/shop/items?q=%2F&r',
      clientAddress: '198.51.100.7',
      secure: true,
      headers: {
        authorization: 'Bearer t',
        'x-tenant': 'one',
        'x-hidden': 'h',
        'x-original-uri': '/public',
        connection: 'close',
        'x-user': 'root',
        'X-GROUPS': 'admin',
        'x-none': 'root',
      },
    },
  );
  t.equal(answer, undefined);
  t.same(context.caller, {}, 'caches take the answer for that of one caller');
  t.match(asked, { method: 'GET', body: '' });
  t.equal(asked?.url.href, 'http://a/decide?key=geheim');
  t.match(asked?.headers, {
    authorization: 'Bearer t',
    'x-tenant': 'one',
    'x-original-method': 'DELETE',
    'x-original-uri': '/shop/items?q=%2F&r',
    'x-forwarded-for': '198.51.100.7',
    'x-forwarded-host': 'a',
    'x-forwarded-proto': 'https',
    'x-request-id': 'id-1',
    'x-hidden': undefined,
    connection: 'keep-alive',
    host: /^127\.0\.0\.1:\d+$/,
  });
  t.same(context.request.headers.all('x-user'), ['anna']);
  t.same(context.request.headers.all('x-groups'), ['a']);
  t.same(context.request.headers.all('x-none'), [], 'what the client sent in a field of the service is removed');
  t.equal(context.request.headers.get('x-other'), undefined);
});

t.test('gives refusals and redirects of the service to the client', async (t) => {
  const { ask } = await world();
  for (const status of [401, 403, 302, 303, 307]) {
    const headers = {
      'www-authenticate': 'Custom',
      location: 'https://login.example/?a=b',
      'set-cookie': 'a=b',
      'content-type': 'text/plain',
      'keep-alive': 'timeout=9',
    };
    const { answer } = await ask({ status, headers, text: 'go away' });
    t.match(answer, {
      status,
      headers: {
        'www-authenticate': 'Custom',
        location: headers.location,
        'set-cookie': ['a=b'],
        'content-type': 'text/plain',
        'cache-control': 'no-store',
      },
    });
    t.equal(answer?.body.toString(), 'go away');
    t.notOk(answer && ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date'].some((name) => name in answer.headers));
  }
});

t.test('anything else is no decision: deny or allow', async (t) => {
  const deny = await world({ timeout: '100ms' });
  const allow = await world({ timeout: '100ms', onError: 'allow', responseHeaders: ['x-user'] });
  for (const told of [
    { status: 500, text: 'a' },
    { status: 404, text: 'a' },
    { status: 429, text: '' },
    { status: 304 },
    { text: 'x'.repeat(2 << 20) },
    'hang',
  ] as const) {
    const { answer } = await deny.ask(told);
    t.match(answer, { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '5' } });
    t.match(JSON.parse(answer?.body.toString() ?? ''), { code: 'authorization-unavailable' });
    const { answer: none, context } = await allow.ask(told, { headers: { 'x-user': 'root' } });
    t.equal(none, undefined);
    t.equal(context.request.headers.get('x-user'), undefined, 'nor does the client name its user then');
  }
  t.match(deny.lines, [{ level: 40, reason: 'answered 500', outcome: 'deny' }], 'one line a minute at most');
  t.notMatch(JSON.stringify(deny.lines), /geheim/);
  const gone = policyOf({ extAuth: { url: 'http://127.0.0.1:1/' } });
  t.match(await gone.run(new FakeContext()), { status: 503 });
});

t.test('many requests share few connections', async (t) => {
  const { service, ask } = await world({ timeout: '10s' });
  const ports = new Set<unknown>();
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask({ status: 200, json: {} })));
  t.ok(answers.every(({ answer }) => answer === undefined));
  t.equal(service.asked.length, 300);
  for (const { connection } of service.asked) ports.add(connection);
  t.ok(ports.size <= 64, `${ports.size} connections`);
});

t.test('faulty settings are refused', async (t) => {
  const faults = (settings: unknown) => faultsOf({ extAuth: settings }).join();
  const url = 'http://auth.example/decide';
  t.equal(faults({ url }), '');
  t.match(faults({}), /extAuth\.url/);
  t.match(faults({ url: '/decide' }), /must be a URL/);
  t.match(faults({ url, onError: 'pass' }), /onError/);
  t.match(faults({ url, timeout: '2m' }), /must be from 1ms to 60s/);
  t.match(faults({ url, headers: ['a b'] }), /headers\.0: must be a header field name/);
  t.match(faults({ url, responseHeaders: ['content-length'] }), /responseHeaders\.0: .*must not be changed/);
});
