import { once } from 'node:events';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import { sessionKeys, sessionMs } from '../../src/control/access/sessions.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { type ControlUnderTest, controlUnderTest, tokens } from './control-under-test.ts';

/** A clock that tests can put forward. */
function skippingClock() {
  const skipped = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + skipped.ms, date: () => systemClock.date() + skipped.ms };
  return { skipped, clock };
}

/** Signs in; returns the `Set-Cookie` field, and the cookie as a browser sends it. */
async function signIn({ ask }: ControlUnderTest, headers: Record<string, string> = {}) {
  const answer = await ask('POST', '/v1/session', { headers });
  const field = answer.headers.get('set-cookie') ?? '';
  return { status: answer.status, field, cookie: field.split(';')[0] as string };
}

async function signedIn(t: Test, clock?: Clock) {
  const under = await controlUnderTest(t, clock && { clock });
  const { cookie, field } = await signIn(under);
  /** Sends a request as a browser does: with the cookie, without a token. */
  const status = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const content = method === 'PUT' ? { body: '{}', type: { 'content-type': 'application/json' } } : { type: {} };
    const response = await fetch(under.control.url + path, { method, ...content, headers: { cookie, ...content.type, ...headers } });
    await response.text();
    return response.status;
  };
  return { under, cookie, field, status, origin: under.control.url };
}

test('the admin token gives a session cookie that is hidden from scripts, other sites and other paths', async (t) => {
  const under = await controlUnderTest(t);
  const { field } = await signIn(under);
  const port = new URL(under.control.url).port;
  t.match(field, new RegExp(`^sluice-session-${port}=[\\w-]{72}; Path=/v1/; Max-Age=${sessionMs / 1000}; HttpOnly; SameSite=Strict$`));
  t.match((await signIn(under, { 'x-forwarded-proto': 'https' })).field, /; Secure$/, 'behind TLS, never sent over plain HTTP');
  for (const authorization of ['', `Bearer ${tokens.join}`, 'Bearer wrong-token-of-the-tests']) {
    const refused = await signIn(under, { authorization });
    t.same([refused.status, refused.field], [401, '']);
  }
});

test('a session may read, and from the dashboard also change', async (t) => {
  const { status, origin, under } = await signedIn(t);
  t.equal(await status('GET', '/v1/servers'), 200);
  t.equal(await status('PUT', '/v1/environments/production', { origin }), 201);
  const others = [
    'http://evil.example.com',
    'http://127.0.0.1:8080',
    origin.replace('127.0.0.1', 'localhost'),
    'null',
    'garbage',
    `${origin}.evil.com`,
  ];
  for (const other of others) t.equal(await status('PUT', '/v1/environments/other', { origin: other }), 403, other);
  t.equal(await status('PUT', '/v1/environments/other'), 403, 'also without Origin');
  t.equal(await status('DELETE', '/v1/environments/production', { origin: 'http://evil.example.com' }), 403);
  t.same(
    (await under.registry.environments()).map(({ name }) => name),
    ['production'],
  );
});

test('a token is checked instead of the session, whatever the Origin', async (t) => {
  const { status } = await signedIn(t);
  const origin = 'http://elsewhere.example.com';
  t.equal(await status('PUT', '/v1/environments/other', { origin, authorization: `Bearer ${tokens.admin}` }), 201);
  t.equal(await status('GET', '/v1/servers', { authorization: 'Bearer wrong-token-of-the-tests' }), 401);
});

test('a session opens the live feed from the dashboard only', async (t) => {
  const { cookie, origin } = await signedIn(t);
  const open = async (headers: Record<string, string>) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/events`, { headers });
    socket.on('error', () => {});
    const [, response] = await Promise.race([
      once(socket, 'unexpected-response'),
      once(socket, 'open').then(() => [0, { statusCode: 101 }]),
    ]);
    socket.terminate();
    return (response as { statusCode: number }).statusCode;
  };
  t.equal(await open({ cookie, origin }), 101);
  t.equal(await open({ cookie, origin: 'http://evil.example.com' }), 403);
  t.equal(await open({ cookie }), 403);
  t.equal(await open({ origin }), 401);
});

test('signing out ends the live feed', async (t) => {
  const { cookie, origin, status } = await signedIn(t, { ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 20, task) });
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/events`, { headers: { cookie, origin } });
  t.teardown(() => socket.terminate());
  await once(socket, 'message');
  const closed = once(socket, 'close');
  t.equal(await status('DELETE', '/v1/session', { origin }), 204);
  t.equal((await closed)[0], 1008);
});

test('signed-out, expired and forged sessions are refused', async (t) => {
  const { skipped, clock } = skippingClock();
  const { status, origin, under, cookie } = await signedIn(t, clock);
  t.equal(await status('GET', '/v1/servers', { cookie: cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }), 401);
  t.equal(await status('GET', '/v1/servers', { cookie: `other=1; ${cookie}; more=2` }), 200);
  skipped.ms = sessionMs - 60_000;
  t.equal(await status('GET', '/v1/servers'), 200);
  const late = await signIn(under);
  skipped.ms = sessionMs + 60_000;
  t.equal(await status('GET', '/v1/servers'), 401, 'the first has expired');
  t.equal(await status('GET', '/v1/servers', { cookie: late.cookie }), 200);
  t.equal(await status('DELETE', '/v1/session', { cookie: late.cookie, origin }), 204);
  t.equal(await status('GET', '/v1/servers', { cookie: late.cookie }), 401);
});

test('a session is valid after a restart and on every balancer with the same admin token; another token ends it', async (t) => {
  const [keys, others] = await Promise.all([sessionKeys([tokens.admin]), sessionKeys(['another-admin-token'])]);
  const [first, second, third] = [
    await controlUnderTest(t, { sessionKeys: () => keys }),
    await controlUnderTest(t, { sessionKeys: () => keys }),
    await controlUnderTest(t, { sessionKeys: () => others }),
  ];
  const secret = (await signIn(first)).cookie.split('=')[1] as string;
  const statusFrom = async ({ control }: ControlUnderTest) => {
    const { port } = new URL(control.url);
    const answer = await fetch(`${control.url}/v1/servers`, { headers: { cookie: `sluice-session-${port}=${secret}` } });
    return answer.status;
  };
  t.same([await statusFrom(first), await statusFrom(second), await statusFrom(third)], [200, 200, 401]);
});

test('with several admin tokens, a session lasts as long as the token that it began with', async (t) => {
  let keys = await sessionKeys(['a-new-admin-token', tokens.admin]);
  const under = await controlUnderTest(t, { sessionKeys: () => keys });
  const { cookie } = await signIn(under);
  const status = async () => (await fetch(`${under.control.url}/v1/servers`, { headers: { cookie } })).status;
  t.equal(await status(), 200);
  keys = await sessionKeys([tokens.admin]);
  t.equal(await status(), 200, 'another token is no longer valid');
  keys = await sessionKeys(['a-new-admin-token']);
  t.equal(await status(), 401, 'its own token is no longer valid');
});

test('a session with any byte changed is refused', async (t) => {
  const { cookie, status } = await signedIn(t);
  const [name, secret = ''] = cookie.split('=');
  const bytes = Buffer.from(secret, 'base64url');
  for (let index = 0; index < bytes.length; index++) {
    const other = Buffer.from(bytes);
    other[index] = (other[index] as number) ^ 1;
    t.equal(await status('GET', '/v1/servers', { cookie: `${name}=${other.toString('base64url')}` }), 401);
  }
  for (const odd of ['', 'A'.repeat(72), `${secret}A`, secret.slice(1), 'ä'.repeat(72)]) {
    t.equal(await status('GET', '/v1/servers', { cookie: `${name}=${encodeURIComponent(odd)}` }), 401);
  }
});
