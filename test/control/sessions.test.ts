import { once } from 'node:events';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import { feedProtocol, sessionField, sessionProtocol } from '../../src/api/session.ts';
import { sessionKeys, sessionMs } from '../../src/control/access/sessions.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { type ControlUnderTest, controlUnderTest, tokens } from './control-under-test.ts';

/** A clock that tests can put forward. */
function skippingClock() {
  const skipped = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + skipped.ms, date: () => systemClock.date() + skipped.ms };
  return { skipped, clock };
}

/** Signs in; returns the `Set-Cookie` field, the cookie as a browser sends it, and the session's key. */
async function signIn({ ask }: ControlUnderTest, headers: Record<string, string> = {}) {
  const answer = await ask('POST', '/v1/session', { headers });
  const field = answer.headers.get('set-cookie') ?? '';
  return { status: answer.status, field, cookie: field.split(';')[0] as string, key: answer.body.key as string };
}

async function signedIn(t: Test, clock?: Clock) {
  const under = await controlUnderTest(t, clock && { clock });
  const { cookie, field, key } = await signIn(under);
  /** Sends a request as the page does: with the cookie and the key, without a token. */
  const status = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const content = method === 'PUT' ? { body: '{}', type: { 'content-type': 'application/json' } } : { type: {} };
    const response = await fetch(under.control.url + path, {
      method,
      ...content,
      headers: { cookie, [sessionField]: key, ...content.type, ...headers },
    });
    await response.text();
    return response.status;
  };
  return { under, cookie, field, key, status, origin: under.control.url };
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
  const { cookie, key, origin } = await signedIn(t);
  const right = [feedProtocol, `${sessionProtocol}${key}`];
  const open = async (headers: Record<string, string>, protocols = right) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/events`, protocols, { headers });
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
  t.equal(await open({ cookie, origin }, [feedProtocol]), 401, 'without the key');
  t.equal(
    await open({ cookie, origin }, [feedProtocol, `${sessionProtocol}${key.replace(/^./, key.startsWith('A') ? 'B' : 'A')}`]),
    401,
    'with another key',
  );
});

test('signing out ends the live feed', async (t) => {
  const { cookie, key, origin, status } = await signedIn(t, {
    ...systemClock,
    after: (delayMs, task) => systemClock.after(delayMs / 20, task),
  });
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/events`, [feedProtocol, `${sessionProtocol}${key}`], {
    headers: { cookie, origin },
  });
  t.teardown(() => socket.terminate());
  await once(socket, 'message');
  t.equal(socket.protocol, feedProtocol, 'the answer does not repeat the key');
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
  const lately = { cookie: late.cookie, [sessionField]: late.key };
  t.equal(await status('GET', '/v1/servers', lately), 200);
  t.equal(await status('DELETE', '/v1/session', { ...lately, origin }), 204);
  t.equal(await status('GET', '/v1/servers', lately), 401);
});

test('a session is valid after a restart and on every balancer with the same admin token; another token ends it', async (t) => {
  const [keys, others] = await Promise.all([sessionKeys([tokens.admin]), sessionKeys(['another-admin-token'])]);
  const [first, second, third] = [
    await controlUnderTest(t, { sessionKeys: () => keys }),
    await controlUnderTest(t, { sessionKeys: () => keys }),
    await controlUnderTest(t, { sessionKeys: () => others }),
  ];
  const { cookie, key } = await signIn(first);
  const secret = cookie.split('=')[1] as string;
  const statusFrom = async ({ control }: ControlUnderTest) => {
    const { port } = new URL(control.url);
    const answer = await fetch(`${control.url}/v1/servers`, {
      headers: { cookie: `sluice-session-${port}=${secret}`, [sessionField]: key },
    });
    return answer.status;
  };
  t.same([await statusFrom(first), await statusFrom(second), await statusFrom(third)], [200, 200, 401]);
});

test('with several admin tokens, a session lasts as long as the token that it began with', async (t) => {
  let keys = await sessionKeys(['a-new-admin-token', tokens.admin]);
  const under = await controlUnderTest(t, { sessionKeys: () => keys });
  const { cookie, key } = await signIn(under);
  const status = async () => (await fetch(`${under.control.url}/v1/servers`, { headers: { cookie, [sessionField]: key } })).status;
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

test('a cookie without its key gives no access, so that a service that gets the cookie cannot use it', async (t) => {
  const { under, cookie, key, status, origin } = await signedIn(t);
  const other = await signIn(under);
  t.match(key, /^[\w-]{43}$/);
  for (const [name, shown] of [
    ['none', ''],
    ['that of another session', other.key],
    ['the end of the cookie', cookie.slice(-43)],
    ['the beginning of its secret', (cookie.split('=')[1] as string).slice(0, 43)],
    ['a longer one', `${key}A`],
    ['another one', Buffer.from(key, 'base64url').reverse().toString('base64url')],
  ] as const) {
    for (const [method, path] of [
      ['GET', '/v1/servers'],
      ['GET', '/metrics'],
      ['PUT', '/v1/environments/other'],
      ['POST', '/v1/session'],
      ['DELETE', '/v1/session'],
    ] as const) {
      const headers = { [sessionField]: shown, origin, ...(path === '/metrics' && { via: '1.1 proxy' }) };
      t.equal(await status(method, path, headers), 401, `${method} ${path} with ${name}`);
    }
  }
  t.equal(await status('GET', '/v1/servers', { cookie: '' }), 401, 'the key alone');
  t.equal(await status('GET', '/v1/servers'), 200);
});

test('no answer below /v1 may be stored', async (t) => {
  const { under, cookie, key } = await signedIn(t);
  for (const [method, path, authorization] of [
    ['GET', '/v1/servers', `Bearer ${tokens.admin}`],
    ['GET', '/v1/servers', 'Bearer wrong-token-of-the-tests'],
    ['GET', '/v1/nothing', `Bearer ${tokens.admin}`],
    ['PATCH', '/v1/projects', `Bearer ${tokens.admin}`],
    ['POST', '/v1/projects', `Bearer ${tokens.admin}`],
    ['PUT', '/v1/environments/production', `Bearer ${tokens.admin}`],
    ['GET', '/v1/environments?x', `Bearer ${tokens.admin}`],
    ['GET', '/v1/events', `Bearer ${tokens.admin}`],
    ['POST', '/v1/session', `Bearer ${tokens.admin}`],
    ['GET', '/v1/%ff', `Bearer ${tokens.admin}`],
  ] as const) {
    const answer = await under.ask(method, path, { headers: { authorization } });
    t.equal(answer.headers.get('cache-control'), 'no-store', `${method} ${path}: ${answer.status}`);
  }
  const bySession = await fetch(`${under.control.url}/v1/servers`, { headers: { cookie, [sessionField]: key } });
  t.equal(bySession.headers.get('cache-control'), 'no-store');
});
