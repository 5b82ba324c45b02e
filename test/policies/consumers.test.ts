import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { CallerDirectory } from '../../src/gateway/caller-directory.ts';
import { textHash } from '../../src/model/caller-tree.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { policyServices } from '../tools/policy-services.ts';
import { answerOf, FakeContext, faultsOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

const bucket = (...consumers: object[]) => JSON.stringify({ consumers });
const consumer = (name: string, key: string, more: object = {}) => ({
  ...{ name, createdAt: 1, passwords: [], products: [] },
  keys: [{ id: 'k', sha256: textHash(key) }],
  ...more,
});

function directory(clock = new FakeClock()) {
  const callers = new CallerDirectory(clock);
  callers.known = true;
  return callers;
}

t.test('a consumer is found by each of its keys until they expire or are revoked, and by its name', async (t) => {
  const clock = new FakeClock();
  const callers = directory(clock);
  const digest = (key: string) => Buffer.from(textHash(key), 'hex').toString('latin1');
  const keys = [
    { id: 'a', sha256: textHash('one'), expires: clock.date() + 1000 },
    { id: 'b', sha256: textHash('two') },
  ];
  callers.putBucket('123', bucket(consumer('anna', '', { keys }), consumer('ben', 'three')));
  t.equal(callers.byKey(digest('one'))?.consumer, 'anna');
  t.equal(callers.byKey(digest('two'))?.consumer, 'anna');
  t.equal(callers.byName('ben')?.consumer, 'ben');
  await clock.pass(1000);
  t.equal(callers.byKey(digest('one')), undefined, 'expired');
  // A key that moves to a consumer of another bucket is not lost when its old bucket comes later.
  callers.putBucket('456', bucket(consumer('carl', 'two')));
  callers.putBucket('123', bucket(consumer('ben', 'four')));
  t.equal(callers.byKey(digest('two'))?.consumer, 'carl');
  t.equal(callers.byKey(digest('three')), undefined);
  t.equal(callers.byName('anna'), undefined);
  callers.dropBucket('123');
  callers.dropBucket('456');
  t.same(callers.size, { consumers: 0, keys: 0 });
  t.throws(() => callers.putBucket('456', '{"consumers":[{}]}'));
});

t.test('apiKey with consumers: the request gets its consumer, and the key is hidden from the target', async (t) => {
  const callers = directory();
  callers.putBucket('123', bucket(consumer('anna', 'secret-of-anna')));
  const services = policyServices({ callers });
  const partOf: Record<string, string> = {
    'X-Api-Key': 'header:x-api-key',
    'x-api-key': 'header:x-api-key',
    'x-key': 'header:x-key',
    cookie: 'cookie:key',
  };
  const places: [settings: object, headers: Record<string, string>, left: Record<string, string>][] = [
    [{}, { 'X-Api-Key': 'secret-of-anna', a: 'b' }, { a: 'b' }],
    [{ header: 'x-key' }, { 'x-key': 'secret-of-anna' }, {}],
    [{ cookie: 'key' }, { cookie: 'a=b; key=secret-of-anna;c=d' }, { cookie: 'a=b; c=d' }],
    [{ cookie: 'key' }, { cookie: 'key=secret-of-anna' }, {}],
    [{ header: 'x-key', cookie: 'key' }, { cookie: 'key=secret-of-anna' }, {}],
    [{ header: 'x-key', cookie: 'key' }, { cookie: 'key=old', 'x-key': 'secret-of-anna' }, {}],
    [{ forward: true }, { 'x-api-key': 'secret-of-anna' }, { 'x-api-key': 'secret-of-anna' }],
    [{ cookie: 'key', forward: true }, { cookie: 'key=secret-of-anna; a=b' }, { cookie: 'key=secret-of-anna; a=b' }],
  ];
  for (const [settings, headers, left] of places) {
    const context = new FakeContext({ headers });
    t.equal(await answerOf({ apiKey: { consumers: true, ...settings } }, context, services), undefined, JSON.stringify(settings));
    t.equal(context.caller?.consumer, 'anna');
    t.equal(context.identifiedBy, partOf[Object.keys(headers).find((name) => headers[name] === 'secret-of-anna') ?? 'cookie']);
    t.same(Object.fromEntries(context.request.headers.entries().map(([name, value]) => [name.toLowerCase(), value])), left);
  }
  const tails: [target: string, tail: string][] = [
    ['/x?key=secret-of-anna', '/x'],
    ['/x?a=b&key=secret-of-anna&c', '/x?a=b&c'],
    ['/x?a=b&k%65y=secret%2Dof-anna', '/x?a=b'],
  ];
  for (const [target, tail] of tails) {
    const context = new FakeContext({ target });
    context.tail = target;
    t.equal(await answerOf({ apiKey: { consumers: true, query: 'key' } }, context, services), undefined, target);
    t.equal(context.tail, tail);
  }
  const refused: [settings: object, headers: Record<string, string>, code: string][] = [
    [{}, {}, 'api-key-missing'],
    [{}, { 'x-api-key': 'secret' }, 'api-key-unknown'],
    [{}, { cookie: 'x-api-key=secret-of-anna' }, 'api-key-missing'],
    [{ cookie: 'key' }, { 'x-api-key': 'secret-of-anna' }, 'api-key-missing'],
    [{ cookie: 'key' }, { cookie: 'key=secret-of-anna; key=secret-of-anna' }, 'api-key-unknown'],
    [{ cookie: 'key' }, { cookie: 'akey=secret-of-anna' }, 'api-key-missing'],
    [{ query: 'key' }, { target: '/x?akey=secret-of-anna' }, 'api-key-missing'],
    [{ query: 'key' }, { 'x-api-key': 'secret-of-anna' }, 'api-key-missing'],
    [{ query: 'key' }, { target: '/x?key=secret-of-anna&%6bey=x' }, 'api-key-unknown'],
    [{ cookie: 'key', query: 'key' }, { target: '/x?key=secret-of-anna', cookie: 'key=a; key=b' }, 'api-key-unknown'],
  ];
  for (const [settings, headers, code] of refused) {
    const { target = '/', ...fields } = headers;
    const context = new FakeContext({ target, headers: fields });
    const answer = await answerOf({ apiKey: { consumers: true, ...settings } }, context, services);
    t.match([answer?.status, JSON.parse(String(answer?.body))], [401, { code }], JSON.stringify([settings, headers]));
    t.equal(context.caller, undefined);
  }
  // A key of the project's own has no consumer; both kinds may be used together.
  const own = new FakeContext({ headers: { 'x-api-key': 'own' } });
  t.equal(await answerOf({ apiKey: { keys: ['own'], consumers: true } }, own, services), undefined);
  t.equal(own.caller, undefined);
  const early = policyServices({ callers: new CallerDirectory(new FakeClock()) });
  const unread = await answerOf({ apiKey: { consumers: true } }, new FakeContext({ headers: { 'x-api-key': 'x' } }), early);
  t.match([unread?.status, unread?.headers['retry-after']], [503, '1'], 'before the consumers were read once, no key is called unknown');

  t.match(faultsOf({ apiKey: { consumers: false } }), [/apiKey\.keys: needs keys, or consumers: true/]);
  t.match(faultsOf({ apiKey: { consumers: true, header: 'Cookie' } }), [/give the name of the cookie as cookie/]);
  t.match(faultsOf({ apiKey: { consumers: true, header: 'content-length' } }), [/may be removed/]);
  t.match(faultsOf({ apiKey: { consumers: true, cookie: 'a=b' } }), [/name of a cookie/]);
});

t.test('a project in a product serves only consumers who have subscribed, whatever its policies are', async (t) => {
  const callers = directory();
  callers.putBucket('123', bucket(consumer('anna', 'a', { products: ['gold'] }), consumer('ben', 'b', { products: ['other'] })));
  const products = (...list: object[]) => callers.putProducts(JSON.stringify({ products: list }));
  const served = await serveProject(
    t,
    {
      resources: [
        { path: '/keys', policies: { proxyRequest: [{ apiKey: { keys: ['own'], consumers: true } }] } },
        { path: '/open' },
        { path: '/cors', policies: { proxyRequest: [{ cors: { origins: ['https://a.example'] } }, { apiKey: { consumers: true } }] } },
      ],
    },
    policyServices({ callers }),
  );
  const get = async (path: string, key?: string) => {
    const { status, body } = await served.send('GET', `/shop${path}`, key === undefined ? {} : { 'x-api-key': key });
    return status === 200 ? status : `${status} ${JSON.parse(body).code}`;
  };
  const all = async () => [
    await get('/keys', 'a'),
    await get('/keys', 'b'),
    await get('/keys', 'own'),
    await get('/keys', 'x'),
    await get('/open'),
  ];
  t.same(await all(), [200, 200, 200, '401 api-key-unknown', 200], 'in no product');
  products({ name: 'other', projects: ['pay'] });
  t.same(await all(), [200, 200, 200, '401 api-key-unknown', 200], 'other projects are in one');
  products({ name: 'gold', projects: ['pay', 'shop'], limit: '100/s' }, { name: 'other', projects: ['pay'] });
  const needed = '403 subscription-needed';
  t.same(await all(), [200, needed, needed, '401 api-key-unknown', needed]);
  t.match(callers.productFor('shop', 'anna'), { name: 'gold', limit: '100/s' });
  t.equal(callers.productFor('shop', 'ben'), null);
  const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' };
  t.equal((await served.send('OPTIONS', '/shop/cors', preflight)).status, 204, 'a preflight has no key');
  callers.putBucket('123', bucket(consumer('anna', 'a'), consumer('ben', 'b', { products: ['gold'] })));
  t.same([await get('/keys', 'a'), await get('/keys', 'b')], [needed, 200]);

  // A gateway tells the balancer in front the consumer of every answer. A target cannot.
  served.answer = (_request, response) => response.setHeader('Sluice-Consumer', 'evil').end('ok');
  const told = async (path: string, key: string) =>
    (await served.send('GET', `/shop${path}`, { 'x-api-key': key })).headers['sluice-consumer'];
  t.same([await told('/keys', 'b'), await told('/keys', 'a'), await told('/keys', 'x')], ['ben', 'anna', undefined]);
  products();
  t.equal(await told('/open', 'b'), undefined);

  // A balancer of an older version would pass the field on to its clients: how it introduces itself on a connection shows that.
  for (const [takes, wanted] of [
    ['', undefined],
    ['Sluice-Takes: told\r\n', 'ben'],
    ['Sluice-Takes: more, told\r\n', 'ben'],
    ['Sluice-Takes: more\r\n', undefined],
  ] as const) {
    const [host = '', port] = served.address.split(':');
    const socket = connect(Number(port), host);
    t.teardown(() => socket.destroy());
    socket.write(`HEAD /.sluice/ready HTTP/1.1\r\nHost: x\r\nUser-Agent: sluice-balancer\r\n${takes}\r\n`);
    await once(socket, 'data');
    for (const path of ['/shop/keys', '/shop/keys?again']) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: b\r\n\r\n`);
      const [octets] = await once(socket, 'data');
      t.equal(/sluice-consumer: (\w+)/i.exec(String(octets))?.[1], wanted, takes);
    }
  }
});

t.test('the limit and quota of a product hold for each subscriber, over all its projects and whatever answers', async (t) => {
  const clock = new FakeClock();
  const callers = directory(clock);
  callers.putBucket('123', bucket(consumer('anna', 'a', { products: ['gold'] }), consumer('ben', 'b', { products: ['gold'] })));
  const product = (limit: string, quota: string) =>
    callers.putProducts(JSON.stringify({ products: [{ name: 'gold', projects: ['shop', 'pay'], limit, quota }] }));
  product('2/m', '4/day');
  const services = policyServices({ callers, clock });
  const key = { apiKey: { consumers: true } };
  const mock = { path: '/mock', policies: { proxyRequest: [key, { respond: { status: 200, body: 'mock' } }] } };
  const shop = await serveProject(t, { resources: [mock, { path: '/', childPaths: true, policies: { proxyRequest: [key] } }] }, services);
  const pay = await serveProject(t, { name: 'pay', basePath: '/pay', policies: { proxyRequest: [key] } }, services);
  const ask = async (project: typeof shop, path: string, shown: string) => {
    const { status, body, headers } = await project.send('GET', path, { 'x-api-key': shown });
    return status === 200 ? status : `${status} ${JSON.parse(body).code} ${headers['retry-after'] ?? ''}`;
  };
  t.same([await ask(shop, '/shop/x', 'a'), await ask(pay, '/pay/x', 'a')], [200, 200]);
  t.match(
    [await ask(pay, '/pay/x', 'a'), await ask(shop, '/shop/mock', 'a')],
    [/^429 rate-limited \d+$/, /^429 rate-limited/],
    'in both projects, also for a mock',
  );
  t.equal(await ask(shop, '/shop/mock', 'b'), 200, 'another subscriber has its own');
  const { headers } = await shop.send('GET', '/shop/x', { 'x-api-key': 'b' });
  t.match(headers, { 'ratelimit-policy': /"product-limit";q=2;w=60.+"product-quota";q=4;w=86400/, ratelimit: /"product-limit";r=0/ });
  await clock.pass(61_000);
  t.same([await ask(shop, '/shop/x', 'a'), await ask(shop, '/shop/x', 'a')], [200, 200]);
  await clock.pass(61_000);
  t.match(await ask(pay, '/pay/x', 'a'), /^429 quota-exceeded \d+$/, 'what was refused counts nowhere');
  product('2/m', '5/day');
  t.equal(await ask(shop, '/shop/x', 'a'), 200, 'a changed product holds from the next request on');
});
