import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { requestOf } from '../../bench/replay/access-log.ts';
import { Client } from '../../bench/replay/client.ts';
import { faultOf, ReplayCounts } from '../../bench/replay/replay-counts.ts';
import { ownFolder } from '../tools/own-folder.ts';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/** Requests of a real access log, among them unusual ones. */
const logged = [
  'GET /presentations/logstash-monitorama-2013/images/kibana-search.png HTTP/1.1',
  'GET /reset.css HTTP/1.1',
  'GET /blog/tags/puppet?flav=rss20 HTTP/1.0',
  'HEAD /blog/geekery/disabling-battery-in-ubuntu-vms.html?utm_source=feedburner HTTP/1.1',
  'GET //favicon.ico HTTP/1.1',
  'GET /misc/nmh//%22file://$file/%22 HTTP/1.1',
  'GET /demo/jquery-magicpuff.html?iframe=true&width=100%&height=100% HTTP/1.1',
  'POST /wp-login.php HTTP/1.0',
  'GET /blog/geekery%E2%80%A6 HTTP/1.1',
  'HEAD / HTTP/1.0',
];

function line(request: string): string {
  return `198.18.0.1 - - [17/May/2015:10:05:03 +0000] "${request}" 200 203023 "-" "Mozilla/5.0"`;
}

async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['--import=tsx', join(checkout, 'bench/replay/run.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status, out, err };
}

test('a log is replayed through three servers, one joins and one leaves, and no request is lost', async (t) => {
  const requests = Array.from({ length: 998 }, (_, index) => line(logged[index % logged.length] as string));
  const broken = [line('\\x16\\x03\\x01'), line('GET http://elsewhere.example/ HTTP/1.1')];
  const log = join(ownFolder(t, { 'access.log': [...broken, ...requests].join('\n') }), 'access.log');
  const { status, out, err } = await run('--log', log, '--limit', '1000', '--seconds', '3');
  t.equal(status, 0, err);
  t.match(out, /^998 requests of access\.log in [\d.]+ s, 299 of them as HTTP\/1\.0$/m);
  const served = ['gateway-1', 'gateway-2', 'gateway-3'].map((id) => Number(new RegExp(`^ +${id} +(\\d+)`, 'm').exec(out)?.[1]));
  t.ok(
    served.every((count) => count > 20),
    `all three servers took requests: ${served.join(', ')}`,
  );
  t.equal(
    served.reduce((sum, count) => sum + count),
    998,
    'and no other server',
  );
  t.match(out, /^ +200 +998$/m);
  t.match(out, /^ +lost requests +0 /m);
  t.match(out, /^ +not sendable +2 /m);
  t.match(out, /gateway-1 .* ended with status 0$/m);
  t.comment(
    out
      .split('\n')
      .filter((found) => / ms$/.test(found))
      .join(', '),
  );
});

test('wrong options and files are reported in one line', async (t) => {
  const folder = ownFolder(t, { 'no.log': 'nothing\n' });
  t.match(await run('--log', join(folder, 'none.log')), {
    status: 1,
    out: '',
    err: /^error: cannot read the access log .*none\.log: the file does not exist; name one with --log FILE\n$/,
  });
  t.match(await run('--log', join(folder, 'no.log')), { status: 1, out: '', err: /^error: .*no\.log holds no request: .*\n$/ });
  t.match(await run('--limit', 'x'), { status: 1, out: '', err: 'error: --limit must be a whole number above 0, not "x"\n' });
});

test('requests are read from a log exactly as logged', async (t) => {
  for (const request of logged) {
    const [method, target, version] = request.split(' ');
    t.strictSame(requestOf(line(request)), { method, target, version });
  }
  for (const broken of [
    '',
    '-',
    'GET /',
    'GET / HTTP/2.0',
    'GET /a b HTTP/1.1',
    'CONNECT / HTTP/1.1',
    'GET http://a/ HTTP/1.1',
    'G(T / HTTP/1.1',
  ]) {
    t.equal(requestOf(line(broken)), undefined, JSON.stringify(broken));
  }
  t.equal(requestOf('nothing'), undefined);
});

test('a request counts as lost unless it gets the right answer', async (t) => {
  const request = { method: 'GET', target: '//a/../b?c//d', version: 'HTTP/1.1' } as const;
  const answer = { status: 200, fields: new Map([['x-asked', 'GET /b?c//d']]), body: 'GET /b?c//d' };
  t.equal(faultOf(request, answer), undefined);
  t.match(faultOf(request, { ...answer, status: 503, body: 'busy' }), 'status 503 busy');
  t.match(faultOf(request, { ...answer, fields: new Map() }), 'the target got undefined');
  t.match(faultOf(request, { ...answer, body: 'GET /b?c/' }), 'the body is GET /b?c/');
  t.match(faultOf({ ...request, method: 'HEAD' }, { ...answer, fields: new Map([['x-asked', 'HEAD /b?c//d']]) }), 'the body is');
  const counts = new ReplayCounts();
  for (const latency of [3, 1, 2, 4]) counts.answered(request, answer, latency);
  counts.answered(request, { ...answer, status: 502 }, 5);
  counts.failed(request, new Error('gone'));
  t.match(counts, { lost: 2, losses: [/status 502/, /gone/] });
  t.strictSame(
    [0.5, 0.9, 1].map((share) => counts.percentile(share)),
    [3, 5, 5],
  );
});

test('a request with half an answer fails', async (t) => {
  const halves = ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfour', 'HTTP/1.1 200 OK\r\n', ''];
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(halves.shift() ?? ''));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const client = new Client(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (const half of [...halves]) {
    await t.rejects(client.send({ method: 'GET', target: '/', version: 'HTTP/1.1' }), {
      message: `the connection was closed after ${half.length} bytes of an answer`,
    });
  }
});
