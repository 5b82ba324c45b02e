import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { sessionField } from '../../src/api/session.ts';
import { createAuthorizer } from '../../src/control/access/authorizer.ts';
import { Callers } from '../../src/control/access/callers.ts';
import { burstGuesses, GuessLimiter, guessEveryMs, maxGuessers, TooManyGuesses } from '../../src/control/access/guess-limiter.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { controlUnderTest, tokens } from './control-under-test.ts';

/** An admin token that is short enough to be guessed. */
const short = 'short-token';

function underTest(trusted: readonly string[] = []) {
  const time = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => time.ms };
  const authorize = createAuthorizer({ ...tokens, admin: [short, tokens.admin] });
  const callers = new Callers(trusted);
  const identify = new GuessLimiter(clock, (request) => callers.of(request)).limit(({ headers }) => authorize(headers.authorization));
  /** Sends a token from an address; returns the access it gives, `wrong`, or the seconds to wait. */
  const show = (token: string, remoteAddress = '192.0.2.1', host = 'sluice.example.com', more: Record<string, string> = {}) => {
    const request = {
      headers: { authorization: `Bearer ${token}`, host, ...more },
      httpVersion: '1.1',
      socket: { remoteAddress },
    } as unknown as IncomingMessage;
    try {
      return identify(request) ?? 'wrong';
    } catch (error) {
      if (error instanceof TooManyGuesses) return error.retryAfter;
      throw error;
    }
  };
  const guess = (count: number, address?: string, host?: string, more?: Record<string, string>) =>
    Array.from({ length: count }, (_, index) => show(`guess-number-${index}-${time.ms}`, address, host, more)).at(-1);
  return { time, show, guess };
}

test('an address that guesses is refused for a while; other addresses and this machine are not', async (t) => {
  const { time, show, guess } = underTest();
  t.equal(guess(burstGuesses), 'wrong');
  t.equal(show(short), guessEveryMs / 1000, 'even a right token is refused, if it is short');
  t.equal(show('another-wrong-token'), guessEveryMs / 1000);
  t.equal(show(tokens.admin), 'admin', 'a right token that no guessing finds is not');
  t.equal(show(short, '192.0.2.2'), 'admin', 'another address is not affected');
  t.equal(show(short, '127.0.0.1', '127.0.0.1:9000'), 'admin');
  t.equal(guess(burstGuesses, '127.0.0.1', 'sluice.example.com'), 'wrong', 'through a proxy on this machine');
  t.equal(show(short, '127.0.0.1', 'sluice.example.com'), 2);
  t.equal(show(short, '127.0.0.1', 'localhost:9000'), 'admin', 'requests to a loopback name are not affected');
  time.ms += guessEveryMs;
  t.equal(show(short), 'admin', 'the right token is accepted after two seconds');
  t.equal(show(tokens.join), 'join', 'a right token does not count as a guess');
  t.equal(guess(1), 'wrong');
  t.equal(show(short), 2);
});

test('in the long run one guess every two seconds is checked', async (t) => {
  const { time, guess } = underTest();
  let checked = 0;
  for (; time.ms < 3_600_000; time.ms += 100) if (guess(1) === 'wrong') checked++;
  t.ok(checked <= 3_600_000 / guessEveryMs + burstGuesses, `${checked} in an hour`);
  t.ok(checked >= 3_600_000 / guessEveryMs);
});

test('a program that repeats one wrong token is not refused', async (t) => {
  const { show } = underTest();
  for (let count = 0; count < 10 * burstGuesses; count++) show('an-old-token');
  t.equal(show(short), 'admin');
});

test('a limited number of addresses is remembered; an IPv6 /64 network counts as one address', async (t) => {
  const { show, guess } = underTest();
  t.equal(guess(burstGuesses, '2001:db8:1:2::1'), 'wrong');
  t.equal(show(short, '2001:db8:1:2:ffff::9'), 2, 'the same network');
  t.equal(show(short, '2001:db8:1:3::1'), 'admin', 'another network');
  t.equal(guess(burstGuesses, '::ffff:192.0.2.9'), 'wrong');
  t.equal(show(short, '::ffff:192.0.2.8'), 'admin');
  for (let index = 0; index < maxGuessers; index++) show('a-guess', `10.0.${index >> 8}.${index & 255}`);
  t.equal(show(short, '2001:db8:1:2::1'), 'admin', 'the address whose guesses are longest ago was forgotten');
});

test('behind a trusted proxy each client has its own limit; clients of other proxies lock nobody out', async (t) => {
  const { show, guess } = underTest(['127.0.0.1']);
  const from = (client: string, more: Record<string, string> = {}) =>
    ['127.0.0.1', 'sluice.example.com', { 'x-forwarded-for': client, ...more }] as const;
  t.equal(guess(burstGuesses, ...from('203.0.113.9')), 'wrong');
  t.equal(show(short, ...from('203.0.113.9')), 2);
  t.equal(show(short, ...from('198.51.100.1, 203.0.113.9')), 2, 'claims of the client change nothing');
  t.equal(show(short, ...from('203.0.113.8')), 'admin', 'another client of the proxy');
  t.equal(show(short, '127.0.0.1', 'localhost:9000'), 'admin', 'this machine');
  t.equal(
    guess(burstGuesses, '192.0.2.7', 'sluice.example.com', { 'x-forwarded-for': '203.0.113.1' }),
    'wrong',
    'through a proxy that is not listed',
  );
  t.equal(show(short, '192.0.2.7', 'sluice.example.com', { 'x-forwarded-for': '203.0.113.2' }), 2, 'its claims make no new address');
  t.equal(show(tokens.admin, '192.0.2.7', 'sluice.example.com', { 'x-forwarded-for': '203.0.113.2' }), 'admin');
  t.equal(show(short, '192.0.2.7'), 'admin', 'the machine of the proxy itself');
});

test('over HTTP: 429 with Retry-After; sessions and registered servers are not affected', async (t) => {
  const under = await controlUnderTest(t);
  const signIn = await under.ask('POST', '/v1/session');
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const key: string = signIn.body.key;
  let last = signIn;
  for (let count = 0; count <= burstGuesses; count++) {
    last = await under.ask('POST', '/v1/session', { headers: { authorization: `Bearer guess-number-${count}` } });
  }
  t.equal(last.status, 429);
  t.match(last.body, { code: 'throttled', detail: /try again in \d+ s/ });
  t.match(last.headers.get('retry-after'), /^[12]$/);
  const wrong = { authorization: 'Bearer one-more-guess' };
  const body = { address: '127.0.0.1:9' };
  t.equal((await under.ask('GET', '/v1/servers', { headers: wrong })).status, 429, 'on every path');
  t.equal((await under.ask('PUT', '/v1/register/a', { body, headers: wrong })).status, 429, 'also where the join token would do');
  t.equal((await under.ask('GET', '/v1/servers')).status, 200, 'the right token is accepted');
  const join = { authorization: `Bearer ${tokens.join}` };
  t.equal((await under.ask('PUT', '/v1/register/a', { body, headers: join })).status, 200, 'but servers renew their leases');
  const upgrade = async (token: string) => {
    const socket = new WebSocket(`${under.control.url.replace('http', 'ws')}/v1/join`, { headers: { authorization: `Bearer ${token}` } });
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    return (response as { statusCode: number }).statusCode;
  };
  t.equal(await upgrade('one-more-guess'), 429);
  t.same(under.joins, []);
  t.equal(await upgrade(tokens.join), 401, 'the endpoint of these tests refuses everything');
  t.same(under.joins, ['/v1/join'], 'but it received the request');
  const session = await fetch(`${under.control.url}/v1/servers`, { headers: { cookie, [sessionField]: key } });
  t.equal(session.status, 200);
  await session.text();
});
