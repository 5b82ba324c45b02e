import type { IncomingMessage, ServerResponse } from 'node:http';
import t from 'tap';
import { Caches } from '../../src/policies/cache/caches.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { served } from './served.ts';

type Respond = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A cache before a target that `respond` plays. `seen` has the requests that have reached it. */
async function caching(t: Parameters<typeof served>[0], respond: Respond, settings: object = {}, more: object[] = []) {
  const seen: IncomingMessage[] = [];
  const arrived = new Condition();
  const clock = new FakeClock();
  const caches = new Caches();
  const project = { policies: { proxyRequest: [...more, { cache: settings }] } };
  const gateway = await served(
    t,
    project as never,
    (request, response) => {
      seen.push(request);
      response.sendDate = false;
      respond(request, response, seen.length);
      arrived.notify();
    },
    { clock, caches },
  );
  const reached = (count: number) =>
    arrived.until(() => (seen.length >= count ? true : undefined), { what: `${count} requests at the target`, seen: () => seen.length });
  return { ...gateway, seen, clock, reached, caches };
}

/** Sends a response that is fresh for a minute, with the number of the request as its body. */
const fresh: Respond = (_request, response, count) => response.setHeader('Cache-Control', 'max-age=60').end(String(count));

t.test('a stored response is used while it is fresh, with its age', async (t) => {
  const { ask, seen, clock } = await caching(t, fresh);
  const first = await ask('/a');
  t.match([first.body, first.headers['cache-status']], ['1', 'sluice; fwd=uri-miss; fwd-status=200; stored']);
  await clock.pass(10_000);
  const second = await ask('/a');
  t.match([second.body, second.headers.age, second.headers['cache-status']], ['1', '10', 'sluice; hit; ttl=50']);
  t.equal((await ask('/a', {}, 'HEAD')).headers['content-length'], '1');
  await clock.pass(51_000);
  t.match(await ask('/a'), { body: '2', headers: { 'cache-status': /fwd=stale/ } });
  t.equal((await ask('/b')).body, '3');
  t.equal((await ask('/a', { 'cache-control': 'no-cache' })).body, '4');
  t.equal((await ask('/c', { 'cache-control': 'only-if-cached' })).status, 504);
  t.equal(seen.length, 4);
});

t.test('a response that a 304 has updated is used with its new fields within the same second', async (t) => {
  const { ask } = await caching(t, (request, response, count) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('ETag', '"1"').setHeader('X-Note', String(count));
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
    else response.end('hello');
  });
  const noted = async (headers = {}) => {
    const answer = await ask('/a', headers);
    return [answer.body, answer.headers['x-note'], answer.headers['cache-status']];
  };
  await noted();
  t.strictSame(await noted(), ['hello', '1', 'sluice; hit; ttl=60']);
  t.strictSame(await noted({ range: 'bytes=1-2' }), ['el', '1', 'sluice; hit; ttl=60']);
  await noted({ 'cache-control': 'no-cache', 'if-none-match': '"1"' });
  t.strictSame(await noted(), ['hello', '2', 'sluice; hit; ttl=60']);
});

t.test('many requests for one URL that come together make one request to the target', async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, seen, reached } = await caching(t, (_request, response) => void waiting.push(response));
  const first = ask('/a');
  await reached(1);
  const others = Array.from({ length: 20 }, () => ask('/a'));
  const other = ask('/b');
  await reached(2);
  for (const response of waiting) response.setHeader('Cache-Control', 'max-age=60').end('hello');
  const answers = await Promise.all([first, ...others]);
  t.ok(answers.every(({ body }) => body === 'hello'));
  t.equal(answers.filter(({ headers }) => /hit.*collapsed/.test(String(headers['cache-status']))).length, 20);
  t.equal((await other).body, 'hello');
  t.equal(seen.length, 2);
});

t.test('requests do not wait for each other where the response is for one client alone', async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, reached } = await caching(t, (_request, response) => void waiting.push(response));
  const first = ask('/a');
  await reached(1);
  const others = Array.from({ length: 5 }, () => ask('/a'));
  waiting[0]?.setHeader('Cache-Control', 'private').end('hello');
  await first;
  // None of them is answered, and yet all have reached the target.
  await reached(6);
  const later = ask('/a');
  await reached(7);
  for (const response of waiting.slice(1)) response.setHeader('Cache-Control', 'private').end('hello');
  await Promise.all([...others, later]);
});

t.test('if the client whose request is under way leaves, another request takes its place', async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, begin, reached, seen, clock } = await caching(t, (_request, response) => void waiting.push(response));
  const leave = begin('/a');
  await reached(1);
  const others = Array.from({ length: 5 }, () => ask('/a'));
  await eventually(
    () => clock.pending,
    (timers) => timers === 5,
  );
  leave();
  await reached(2);
  waiting[1]?.setHeader('Cache-Control', 'max-age=60').end('hello');
  t.ok((await Promise.all(others)).every(({ body }) => body === 'hello'));
  t.equal(seen.length, 2);
});

t.test('a request does not wait for long for a slow client of another one', async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, reached, clock } = await caching(t, (_request, response) => void waiting.push(response));
  const first = ask('/a');
  await reached(1);
  const second = ask('/a');
  await eventually(
    () => clock.pending,
    (timers) => timers === 1,
  );
  await clock.pass(5000);
  await reached(2);
  waiting[1]?.end('second');
  t.equal((await second).body, 'second');
  waiting[0]?.end('first');
  t.equal((await first).body, 'first');
});

t.test('stale-while-revalidate: a stale response is used at once, and confirmed in the background', async (t) => {
  const { ask, seen, clock, reached } = await caching(t, ({ headers }, response, count) => {
    response.setHeader('Cache-Control', 'max-age=60, stale-while-revalidate=60').setHeader('ETag', '"1"').setHeader('X-Count', count);
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end();
    else response.end('hello');
  });
  await ask('/a', { 'x-own': 'mine' });
  await clock.pass(70_000);
  const stale = await ask('/a', { 'x-own': 'mine' });
  t.match([stale.body, stale.headers['cache-status']], ['hello', 'sluice; hit; ttl=-10']);
  await reached(2);
  t.match(seen[1]?.headers, { 'if-none-match': '"1"', 'x-own': 'mine' });
  const confirmed = await eventually(
    () => ask('/a'),
    ({ headers }) => headers.age === '0',
  );
  t.match([confirmed.body, confirmed.headers['x-count']], ['hello', '2']);
  t.equal(seen.length, 2);
  await clock.pass(121_000);
  t.match(await ask('/a'), { headers: { 'cache-status': /fwd=stale; fwd-status=304/ } }, 'too old to be used at once');
});

t.test('stale-if-error: a stale response is used while the target fails', async (t) => {
  const { ask, clock } = await caching(t, ({ url }, response, count) => {
    if (count <= 3) response.setHeader('Cache-Control', `max-age=1${url === '/plain' ? '' : ', stale-if-error=60'}`).end('hello');
    else if (url === '/cut') response.destroy();
    else response.writeHead(503).end('away');
  });
  for (const path of ['/cut', '/failing', '/plain']) await ask(path);
  await clock.pass(30_000);
  for (const path of ['/cut', '/failing']) t.match(await ask(path), { status: 200, body: 'hello', headers: { age: '30' } }, path);
  t.equal((await ask('/plain')).status, 503);
  await clock.pass(40_000);
  t.match([(await ask('/cut')).status, (await ask('/failing')).status], [502, 503]);
});

t.test('responses that are meant for one caller are not used for others, unless that is allowed', async (t) => {
  const respond: Respond = ({ url }, response, count) =>
    response.setHeader('Cache-Control', url === '/public' ? 'public, max-age=60' : 'max-age=60').end(String(count));
  const mine = { authorization: 'Basic YTpi' };
  const { ask } = await caching(t, respond);
  t.strictSame([(await ask('/a', mine)).body, (await ask('/a', mine)).body, (await ask('/a')).body], ['1', '2', '3']);
  t.match(await ask('/a', mine), { body: '4' }, 'what was stored for strangers is not for those who show who they are');
  t.strictSame([(await ask('/public', mine)).body, (await ask('/public')).body], ['5', '5']);
  const certified = { 'client-cert': ':MIIB:' };
  t.strictSame([(await ask('/c', certified)).body, (await ask('/c')).body], ['6', '7'], 'nor for those who have shown a certificate');
  const forwarding = await caching(t, respond, {}, [{ apiKey: { keys: ['one', 'two'], forward: true } }]);
  const keys = [(await forwarding.ask('/a', { 'x-api-key': 'one' })).body, (await forwarding.ask('/a', { 'x-api-key': 'two' })).body];
  t.strictSame(keys, ['1', '2'], 'nor for other keys that the target sees');
  const shared = await caching(t, respond, { authorized: true });
  t.strictSame([(await shared.ask('/a', mine)).body, (await shared.ask('/a')).body], ['1', '1']);
});

t.test('ttl: responses that say nothing are fresh for that time, unless they set a cookie', async (t) => {
  const { ask } = await caching(
    t,
    ({ url }, response, count) => {
      if (url === '/cookie') response.setHeader('Set-Cookie', 'a=b');
      response.writeHead(url === '/failing' ? 500 : 200).end(String(count));
    },
    { ttl: '10s' },
  );
  t.strictSame([(await ask('/a')).body, (await ask('/a')).body], ['1', '1']);
  t.strictSame([(await ask('/cookie')).body, (await ask('/cookie')).body], ['2', '3']);
  t.strictSame([(await ask('/failing')).body, (await ask('/failing')).body], ['4', '5']);
});

t.test('memory is bounded: what was not used for the longest time makes room, and large responses are not stored', async (t) => {
  const { ask, seen } = await caching(
    t,
    ({ url }, response) => response.setHeader('Cache-Control', 'max-age=60').end('x'.repeat(url === '/large' ? 2001 : 2000)),
    { maxBytes: 10_000, maxObjectBytes: 2000 },
  );
  for (let run = 0; run < 2; run++) await ask('/large');
  t.equal(seen.length, 2);
  for (const path of ['/1', '/2', '/3', '/1', '/4', '/1', '/5', '/1']) await ask(path);
  t.equal(seen.length, 7, '/1 was used all the time');
  await ask('/2');
  t.equal(seen.length, 8);
});

t.test('a successful unsafe request removes its URL, and tags of the target do not reach clients', async (t) => {
  const { ask } = await caching(t, (request, response, count) => {
    if (request.method === 'GET') response.setHeader('Cache-Control', 'max-age=60').setHeader('Cache-Tag', 'a, b');
    response.writeHead(request.url === '/kept' && request.method === 'POST' ? 500 : 200).end(String(count));
  });
  const first = await ask('/a');
  t.equal(first.headers['cache-tag'], undefined);
  t.equal((await ask('/a', {}, 'POST')).headers['cache-status'], 'sluice; fwd=method');
  t.equal((await ask('/a')).body, '3');
  await ask('/kept');
  await ask('/kept', {}, 'POST');
  t.equal((await ask('/kept')).body, '4');
});

t.test('a purge removes responses by project, tag and path, and keeps out those that were on their way', async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, caches, reached, seen } = await caching(t, ({ url = '' }, response, count) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Cache-Tag', url.startsWith('/b/') ? 'b, all' : 'all');
    if (url === '/slow') waiting.push(response);
    else response.end(String(count));
  });
  const paths = ['/a', '/a?q=1', '/b/c', '/b/d'];
  for (const path of paths) await ask(path);
  const stored = async () => {
    const answers = await Promise.all(paths.map((path) => ask(path, { 'cache-control': 'only-if-cached' })));
    return paths.filter((_path, at) => answers[at]?.status === 200);
  };
  t.equal(caches.purge({ project: 'other' }), 0);
  t.equal(caches.purge({ tag: 'al' }), 0);
  t.same(await stored(), paths);
  t.equal(caches.purge({ project: 'shop', tag: 'b', path: '/b/c' }), 1);
  t.same(await stored(), ['/a', '/a?q=1', '/b/d']);
  t.equal(caches.purge({ path: '/a' }), 2);
  t.same(await stored(), ['/b/d']);
  t.equal(caches.purge({ path: '/b/*' }), 1);
  t.same(await stored(), []);

  const slow = ask('/slow');
  await reached(5);
  caches.purge({});
  waiting[0]?.end('old');
  t.equal((await slow).body, 'old');
  const next = ask('/slow');
  await reached(6);
  waiting[1]?.end('new');
  t.equal((await next).body, 'new');
  t.equal(seen.length, 6);
});
