import { createServer } from 'node:http';
import { test } from 'tap';
import { burstGuesses } from '../../src/control/access/guess-limiter.ts';
import { controlUnderTest } from '../control/control-under-test.ts';
import { listening } from '../tools/listening.ts';
import { run } from './command-line.ts';

test('a wrong token is the reason that every operator command gives, also when the balancer looks at no token for a while', async (t) => {
  const { control } = await controlUnderTest(t);
  const commands = [
    'status',
    'server list',
    'env list',
    'project list',
    'top --once',
    'deploy shop -e production --wait',
    'server drain a',
  ];
  const as = (token: string, words: string) => run(words.split(' '), { env: { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: token } });
  for (const words of commands)
    t.match(await as('wrong', words), { status: 1, out: '', err: /refused the token in SLUICE_ADMIN_TOKEN/ }, words);
  for (let guess = 0; guess < burstGuesses; guess++) await as(`guess-${guess}`, 'status');
  for (const words of commands) {
    const { status, out, err } = await as('wrong', words);
    t.match({ status, out }, { status: 1, out: '' }, words);
    t.match(
      err,
      /takes no token from this address .*the token in SLUICE_ADMIN_TOKEN was not looked at; it takes one again in \d+ s.*give --token/,
    );
  }
});

test('a live feed goes on while the balancer looks at no token, and ends with the reason when it does', async (t) => {
  const statuses = [200, 200, 429, 429, 401];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const status = statuses.shift() ?? 500;
    asked.push(`${status} ${request.url}`);
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(status === 200 ? '[]' : JSON.stringify({ type: 'about:blank', title: '', status, detail: `status ${status}`, code: 'x' }));
  });
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 429 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  const url = `http://${await listening(t, server)}`;
  const { status, err } = await run(['top'], { env: { SLUICE_CONTROL: url, SLUICE_ADMIN_TOKEN: 'wrong' } });
  t.equal(status, 1);
  t.match(err, /\nerror: the balancer at .* refused the token in SLUICE_ADMIN_TOKEN/);
  t.equal(asked.length, 5);
});
