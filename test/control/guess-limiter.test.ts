import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { createAuthorizer } from '../../src/control/access/authorizer.ts';
import { burstGuesses, GuessLimiter, guessEveryMs, maxGuessers, TooManyGuesses } from '../../src/control/access/guess-limiter.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { controlUnderTest, tokens } from './control-under-test.ts';

function underTest() {
  const time = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => time.ms };
  const authorize = createAuthorizer(tokens);
  const identify = new GuessLimiter(clock).limit(({ headers }) => authorize(headers.authorization));
  /** Sends a token from an address; returns the access it gives, `wrong`, or the seconds to wait. */
  const show = (token: string, remoteAddress = '192.0.2.1', host = 'sluice.example.com') => {
    const request = { headers: { authorization: `Bearer ${token}`, host }, socket: { remoteAddress } } as unknown as IncomingMessage;
    try {
      return identify(request) ?? 'wrong';
    } catch (error) {
      if (error instanceof TooManyGuesses) return error.retryAfter;
      throw error;
    }
  };
  const guess = (count: number, address?: string, host?: string) =>
    Array.from({ length: count }, (_, index) => show(`guess-number-${index}-${time.ms}`, address, host)).at(-1);
  return { time, show, guess };
}

test('an address that guesses is refused for a while; other addresses and this machine are not', async (t) => {
  const { time, show, guess } = underTest();
  t.equal(guess(burstGuesses), 'wrong');
  t.equal(show(tokens.admin), guessEveryMs / 1000, 'even the right token is refused');
  t.equal(show(tokens.admin, '192.0.2.2'), 'admin', 'another address is not affected');
  t.equal(show(tokens.admin, '127.0.0.1', '127.0.0.1:9000'), 'admin');
  t.equal(guess(burstGuesses, '127.0.0.1', 'sluice.example.com'), 'wrong', 'through a proxy on this machine');
  t.equal(show(tokens.admin, '127.0.0.1', 'sluice.example.com'), 2);
  t.equal(show(tokens.admin, '127.0.0.1', 'localhost:9000'), 'admin', 'requests to a loopback name are not affected');
  time.ms += guessEveryMs;
  t.equal(show(tokens.admin), 'admin', 'the right token is accepted after two seconds');
  t.equal(show(tokens.join), 'join', 'a right token does not count as a guess');
  t.equal(guess(1), 'wrong');
  t.equal(show(tokens.admin), 2);
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
  t.equal(show(tokens.admin), 'admin');
});

test('a limited number of addresses is remembered; an IPv6 /64 network counts as one address', async (t) => {
  const { show, guess } = underTest();
  t.equal(guess(burstGuesses, '2001:db8:1:2::1'), 'wrong');
  t.equal(show(tokens.admin, '2001:db8:1:2:ffff::9'), 2, 'the same network');
  t.equal(show(tokens.admin, '2001:db8:1:3::1'), 'admin', 'another network');
  t.equal(guess(burstGuesses, '::ffff:192.0.2.9'), 'wrong');
  t.equal(show(tokens.admin, '::ffff:192.0.2.8'), 'admin');
  for (let index = 0; index < maxGuessers; index++) show('a-guess', `10.0.${index >> 8}.${index & 255}`);
  t.equal(show(tokens.admin, '2001:db8:1:2::1'), 'admin', 'the address whose guesses are longest ago was forgotten');
});

test('over HTTP: 429 with Retry-After; sessions and registered servers are not affected', async (t) => {
  const under = await controlUnderTest(t);
  const signIn = await under.ask('POST', '/v1/session');
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  let last = signIn;
  for (let count = 0; count <= burstGuesses; count++) {
    last = await under.ask('POST', '/v1/session', { headers: { authorization: `Bearer guess-number-${count}` } });
  }
  t.equal(last.status, 429);
  t.match(last.body, { code: 'throttled', detail: /try again in \d+ s/ });
  t.match(last.headers.get('retry-after'), /^[12]$/);
  t.equal((await under.ask('GET', '/v1/servers')).status, 429, 'the right token is refused on every path');
  t.equal(
    (await under.ask('PUT', '/v1/register/a', { body: { address: '127.0.0.1:9' } })).status,
    429,
    'also where the join token would do',
  );
  const join = { authorization: `Bearer ${tokens.join}` };
  t.equal(
    (await under.ask('PUT', '/v1/register/a', { body: { address: '127.0.0.1:9' }, headers: join })).status,
    200,
    'but servers renew their leases',
  );
  const upgrade = async (token: string) => {
    const socket = new WebSocket(`${under.control.url.replace('http', 'ws')}/v1/join`, { headers: { authorization: `Bearer ${token}` } });
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    return (response as { statusCode: number }).statusCode;
  };
  t.equal(await upgrade(tokens.admin), 429);
  t.same(under.joins, []);
  t.equal(await upgrade(tokens.join), 401, 'the endpoint of these tests refuses everything');
  t.same(under.joins, ['/v1/join'], 'but it received the request');
  const session = await fetch(`${under.control.url}/v1/servers`, { headers: { cookie } });
  t.equal(session.status, 200);
  await session.text();
});
