import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { freeGuesses, Guesses, guessEveryMs, maxGuessers, TooManyGuesses } from '../../src/control/access/guesses.ts';
import { createAuthorizer } from '../../src/control/access/tokens.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { controlUnderTest, tokens } from './control-under-test.ts';

function underTest() {
  const time = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => time.ms };
  const authorize = createAuthorizer(tokens);
  const identify = new Guesses(clock).watched(({ headers }) => authorize(headers.authorization));
  /** What is answered to a token from an address: who it is, `wrong`, or the seconds to wait. */
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

test('who guesses is not listened to for a moment; others, and this machine, are', async (t) => {
  const { time, show, guess } = underTest();
  t.equal(guess(freeGuesses), 'wrong');
  t.equal(show(tokens.admin), guessEveryMs / 1000, 'not even the right token is looked at');
  t.equal(show(tokens.admin, '192.0.2.2'), 'admin', 'from elsewhere it is');
  t.equal(show(tokens.admin, '127.0.0.1', '127.0.0.1:9000'), 'admin');
  t.equal(guess(freeGuesses, '127.0.0.1', 'sluice.example.com'), 'wrong', 'through a proxy on this machine');
  t.equal(show(tokens.admin, '127.0.0.1', 'sluice.example.com'), 2);
  t.equal(show(tokens.admin, '127.0.0.1', 'localhost:9000'), 'admin', 'people on this machine are not held up by it');
  time.ms += guessEveryMs;
  t.equal(show(tokens.admin), 'admin', 'the right one is never locked out for long');
  t.equal(show(tokens.join), 'join', 'and costs nothing');
  t.equal(guess(1), 'wrong');
  t.equal(show(tokens.admin), 2);
});

test('however long it goes on, no more than one guess every two seconds is looked at', async (t) => {
  const { time, guess } = underTest();
  let looked = 0;
  for (; time.ms < 3_600_000; time.ms += 100) if (guess(1) === 'wrong') looked++;
  t.ok(looked <= 3_600_000 / guessEveryMs + freeGuesses, `${looked} in an hour`);
  t.ok(looked >= 3_600_000 / guessEveryMs);
});

test('a program with one wrong token does not guess', async (t) => {
  const { show } = underTest();
  for (let count = 0; count < 10 * freeGuesses; count++) show('an-old-token');
  t.equal(show(tokens.admin), 'admin');
});

test('addresses are remembered up to a limit; an IPv6 network counts as one', async (t) => {
  const { show, guess } = underTest();
  t.equal(guess(freeGuesses, '2001:db8:1:2::1'), 'wrong');
  t.equal(show(tokens.admin, '2001:db8:1:2:ffff::9'), 2, 'the same network');
  t.equal(show(tokens.admin, '2001:db8:1:3::1'), 'admin', 'another one');
  t.equal(guess(freeGuesses, '::ffff:192.0.2.9'), 'wrong');
  t.equal(show(tokens.admin, '::ffff:192.0.2.8'), 'admin');
  for (let index = 0; index < maxGuessers; index++) show('a-guess', `10.0.${index >> 8}.${index & 255}`);
  t.equal(show(tokens.admin, '2001:db8:1:2::1'), 'admin', 'who was quiet longest made room');
});

test('over HTTP: 429 with Retry-After, and a session goes on', async (t) => {
  const under = await controlUnderTest(t);
  const signIn = await under.ask('POST', '/v1/session');
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  let last = signIn;
  for (let count = 0; count <= freeGuesses; count++) {
    last = await under.ask('POST', '/v1/session', { headers: { authorization: `Bearer guess-number-${count}` } });
  }
  t.equal(last.status, 429);
  t.match(last.body, { code: 'throttled', detail: /try again in \d+ s/ });
  t.match(last.headers.get('retry-after'), /^[12]$/);
  t.equal((await under.ask('GET', '/v1/servers')).status, 429, 'the right token too, and everywhere');
  t.equal((await under.ask('PUT', '/v1/register/a', { body: { address: '127.0.0.1:9' } })).status, 429, 'there is no way round');
  const join = { authorization: `Bearer ${tokens.join}` };
  t.equal((await under.ask('PUT', '/v1/register/a', { body: { address: '127.0.0.1:9' }, headers: join })).status, 200, 'but servers go on');
  const upgrade = async (token: string) => {
    const socket = new WebSocket(`${under.control.url.replace('http', 'ws')}/v1/join`, { headers: { authorization: `Bearer ${token}` } });
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    return (response as { statusCode: number }).statusCode;
  };
  t.equal(await upgrade(tokens.admin), 429);
  t.same(under.joins, []);
  t.equal(await upgrade(tokens.join), 401, 'the endpoint of these tests lets nobody in');
  t.same(under.joins, ['/v1/join'], 'but was asked');
  const session = await fetch(`${under.control.url}/v1/servers`, { headers: { cookie } });
  t.equal(session.status, 200);
  await session.text();
});
