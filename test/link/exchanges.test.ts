import { test } from 'tap';
import type { ClientConnection } from '../../src/http1/connection/client-connection.ts';
import { unreadCode } from '../../src/http1/connection/wire.ts';
import type { ResponseHead } from '../../src/http1/message/response-head.ts';
import type { LinkPool } from '../../src/link/link-pool.ts';
import type { LinkWire } from '../../src/link/link-wire.ts';
import { linkIntroduction, noLink, protocol } from '../../src/link/opening.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { eventually } from '../tools/eventually.ts';
import { field, statusOf } from '../wire/peer.ts';
import { chain } from './chain.ts';

const get = 'GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n';

test('requests share one connection between balancer and gateway server', async (t) => {
  const { balancer, gateway, upstream, ask, linked } = await chain(t);
  await linked();
  const { connects } = upstream.pool;
  const asked = await Promise.all(['/1', '/2', '/3'].map((path) => ask(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`)));
  for (const { target } of asked) {
    const request = await target.head();
    t.match(request.line, /^GET \/[123] HTTP\/1\.1$/);
    t.equal(field(request, 'host'), 'shop.example');
    t.match(field(request, 'x-request-id'), /./);
    target.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Path: ${request.line.split(' ')[1]}\r\n\r\nok`);
  }
  const answers = await Promise.all(asked.map(({ client }) => client.message()));
  t.same(
    answers.map(({ body }) => body),
    ['ok', 'ok', 'ok'],
  );
  t.same(new Set(answers.map((answer) => field(answer, 'x-path'))).size, 3);
  t.equal(upstream.pool.connects, connects, 'no connection was opened for them');
  await balancer.quiet();
  await gateway.quiet();
  t.equal(upstream.active, 0);
});

test('bodies, trailers, interim responses and responses without a body pass a link as they pass a connection', async (t) => {
  const { ask, linked, upstream } = await chain(t);
  await linked();
  const { connects } = upstream.pool;
  const { client, target } = await ask('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
  const head = await target.head();
  t.equal(field(head, 'content-length'), '5');
  client.send('lo');
  t.equal(await target.take('hello'), 'hello');
  target.send(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n',
  );
  t.equal(statusOf(await client.head()), 103);
  target.send('2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n');
  const answer = await client.message();
  t.equal(answer.body, 'abcde');
  for (const [request, response, status] of [
    ['HEAD /b', 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n', 200],
    ['GET /c', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304],
    ['GET /d', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
  ] as const) {
    client.send(`${request} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await target.head();
    target.send(response);
    t.equal(statusOf(await client.head()), status);
  }
  client.send('GET /e HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
  await target.head();
  target.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n');
  t.equal((await client.message()).trailers, 'X-Sum: 7\r\n');
  t.equal(upstream.pool.connects, connects, 'all of them over the link');
});

test('upgrades, long requests, chunked requests and paths whose last response was long have connections of their own', async (t) => {
  const { ask, linked, upstream, gateway } = await chain(t);
  await linked();
  const { client, target } = await ask('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await target.head();
  target.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi');
  t.equal(statusOf(await client.head()), 101);
  t.equal(await client.take('hi'), 'hi');
  client.send('yo');
  t.equal(await target.take('yo'), 'yo');
  target.socket.destroy();
  client.socket.destroy();

  for (const request of [
    `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n`,
    'POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
  ]) {
    const long = await ask(request);
    await long.target.head();
    t.ok(upstream.pool.open - upstream.pool.idle > 0, `${request.split('\r\n')[2]} is on a connection of its own`);
    long.client.socket.destroy();
    await gateway.quiet();
  }
  const body = 'x'.repeat(100_000);
  const first = await ask(get);
  await first.target.head();
  t.equal(upstream.pool.open - upstream.pool.idle, 0, 'the first long response is not expected');
  first.target.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  t.equal((await first.client.message()).body, body);
  first.client.send(get);
  await first.target.head();
  t.equal(upstream.pool.open - upstream.pool.idle, 1, 'the second one has a connection');
  first.target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await first.client.message();
  first.client.send(get);
  await first.target.head();
  t.equal(upstream.pool.open - upstream.pool.idle, 0, 'and after a short one there is the link again');
});

test('a client that leaves ends its own exchange only, at the target too', async (t) => {
  const { ask, linked, gateway } = await chain(t);
  await linked();
  const one = await ask(get);
  const other = await ask(get);
  await Promise.all([one.target.head(), other.target.head()]);
  one.client.socket.destroy();
  await one.target.closed();
  other.target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal((await other.client.message()).body, 'ok');
  await gateway.quiet();
});

test('a response that a target breaks off is broken off for the client, not completed', async (t) => {
  const { ask, linked } = await chain(t);
  await linked();
  const { client, target } = await ask(get);
  await target.head();
  target.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await client.take('abc\r\n');
  target.reset();
  await client.closed();
  t.notMatch(client.text, /0\r\n\r\n/);
});

test('a lost link is a reset: what may be repeated is sent again, once, and the rest is answered with 502', async (t) => {
  const { ask, linked, gateway, balancer, upstream } = await chain(t);
  await linked();
  const safe = await ask(get);
  const unsafe = await ask('POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx');
  await Promise.all([safe.target.head(), unsafe.target.head()]);
  const closing = gateway.listener.close(0);
  t.equal(statusOf(await unsafe.client.message()), 502);
  t.ok([502, 503].includes(statusOf(await safe.client.message())), 'sent again to a server that is gone');
  t.equal(balancer.route.budget.resends, 1);
  t.equal(upstream.failed.reset, 1);
  await closing;
  await balancer.quiet();
});

test('a request that has not left when its link is lost is sent once more to the same server, whatever its method, if its body is still in memory', async (t) => {
  for (const [body, status, failed] of [
    ['', 200, 0],
    ['x', 502, 1],
  ] as const) {
    const { linked, gateway, balancer, upstream } = await chain(t);
    await linked();
    loseNextStream(upstream);
    const post = `POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const client = await balancer.client();
    client.send(post);
    if (status === 200) {
      const target = await gateway.server.next();
      t.match(await target.head(), { line: /^POST / });
      target.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    }
    t.equal(statusOf(await client.message()), status);
    t.equal(balancer.route.budget.resends, 1 - failed);
    t.equal(upstream.failed['connect-failed'], failed, 'a request that is sent once more has not failed');
    await balancer.quiet();
  }
});

/** Loses the stream of the next exchange, as if its link were lost in the turn of the event loop in which the request has come. */
function loseNextStream(upstream: Upstream): void {
  const link = upstream.link as LinkPool;
  const take = link.take.bind(link);
  link.take = () => {
    link.take = take;
    const connection = take() as ClientConnection;
    process.nextTick(() => (connection.wire as LinkWire).lost(Object.assign(new Error('the link is lost'), { code: unreadCode })));
    return connection;
  };
}

test('a slow client holds up its own exchange only, and the gateway server keeps at most the credit of a stream for it', async (t) => {
  const { ask, linked } = await chain(t);
  await linked();
  const slow = await ask('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  slow.client.socket.pause();
  await slow.target.head();
  const size = 64 * 1024 * 1024;
  slow.target.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let sent = 0; sent < size; sent += piece.length) slow.target.send(piece);
  await eventually(
    () => slow.target.socket.writableLength,
    (waiting) => waiting > 0,
    { what: 'octets that the gateway server does not take' },
  );
  const fast = await ask(get);
  await fast.target.head();
  fast.target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal((await fast.client.message()).body, 'ok');
  t.ok(slow.target.socket.writableLength > size / 2, 'most is still with the target');
  let got = 0;
  const all = new Promise<void>((resolve) =>
    slow.client.socket.on('data', ({ length }) => {
      got += length;
      if (got >= size) resolve();
    }),
  );
  slow.client.socket.resume();
  await all;
});

test('a gateway server that closes takes no new streams, finishes what it has, and no request is lost', async (t) => {
  const { ask, linked, gateway, balancer, upstream } = await chain(t);
  await linked();
  const { client, target } = await ask(get);
  await target.head();
  const closing = gateway.listener.close(30_000);
  await eventually(
    () => upstream.link?.open,
    (open) => open === 0,
    { what: 'the balancer hears that the server takes no new streams' },
  );
  target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal((await client.message()).body, 'ok');
  await closing;
  t.equal(gateway.listener.connections, 0);
  t.same(
    balancer.outcomes.map(({ kind }) => kind),
    ['answered', 'answered', 'answered'],
  );
});

test('an older gateway server, and one that does not know the balancer, are reached over HTTP/1.1', async (t) => {
  for (const options of [{ old: true }, { gateway: { listener: { trustedProxies: [] } } }]) {
    const { ask, upstream, linkFaults } = await chain(t, options);
    for (let request = 0; request < 2; request++) {
      const { client, target } = await ask('GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      await target.head();
      target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      t.equal((await client.message()).body, 'ok');
    }
    t.equal(upstream.link?.open, 0);
    t.same(linkFaults, []);
  }
});

test('a link is agreed to with believed peers only and in a known version only, and what is no frame ends that link alone', async (t) => {
  const { gateway, linkFaults, ask, linked } = await chain(t);
  await linked();
  const opening = (protocols: string, more = '') =>
    `GET /.sluice/link HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocols}\r\n${more}\r\n`;
  for (const refused of [opening('sluice-link/2'), opening(protocol, 'Content-Length: 1\r\n'), opening(protocol).replace('GET', 'POST')]) {
    const peer = await gateway.client();
    peer.send(refused);
    t.equal(statusOf(await peer.head()), 404);
    peer.socket.destroy();
  }
  const newer = await gateway.client();
  newer.send(opening(`sluice-link/2, ${protocol}`));
  const agreed = await newer.head();
  t.equal(statusOf(agreed), 101);
  t.equal(field(agreed, 'upgrade'), protocol);
  newer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await newer.closed();
  t.equal(linkFaults.length, 1);
  const { client, target } = await ask(get);
  await target.head();
  target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal((await client.message()).body, 'ok');
  t.equal(linkFaults.length, 1);

  const { refuse } = linkIntroduction({ request: Buffer.from('HEAD / HTTP/1.1\r\n\r\n'), refuse: () => undefined });
  const answer = (status: number, upgrade: string) => ({ status, fields: { get: () => upgrade } }) as unknown as ResponseHead;
  t.equal(refuse(answer(101, protocol)), undefined);
  for (const other of [answer(101, 'sluice-link/2'), answer(200, protocol), answer(404, '')]) t.equal(refuse(other), noLink);
});

test('limits of a server count exchanges on its link', async (t) => {
  const { ask, linked, balancer, upstream } = await chain(t, { balancer: { spec: { limits: { connectionsPerServer: 1, queue: 1 } } } });
  await linked();
  const first = await ask(get);
  await first.target.head();
  t.equal(upstream.active, 1);
  const second = await balancer.client();
  second.send(get);
  await eventually(
    () => balancer.route.queue?.length,
    (length) => length === 1,
    { what: 'a request that waits' },
  );
  first.target.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await first.client.message();
  await first.target.head();
  first.target.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo');
  t.equal((await second.message()).body, 'two');
});
