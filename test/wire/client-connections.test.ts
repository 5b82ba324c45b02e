import t from 'tap';
import { passTime } from '../tools/pass-time.ts';
import { field, statusOf } from './peer.ts';
import { world } from './world.ts';

const host = 'Host: a\r\n';
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`;
const ok = (body: string, more = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

t.test('a hundred pipelined requests are answered in order', async (t) => {
  const w = await world(t);
  const paths = Array.from({ length: 100 }, (_, index) => `/${index}`);
  const { client, server } = await w.asked(paths.map((path) => get(path)).join(''));
  for (const path of paths) {
    t.equal((await server.message()).line, `GET ${path} HTTP/1.1`);
    t.equal(server.text, '', 'the next is sent only when this one is answered');
    server.send(ok(path));
  }
  for (const path of paths) t.equal((await client.message()).body, path);
  t.equal(w.server.count, 1);
});

t.test('pipelined requests are answered after the client closed its sending side', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(`${get('/1')}${get('/2')}`);
  client.end();
  for (const path of ['/1', '/2']) {
    t.equal((await server.message()).line, `GET ${path} HTTP/1.1`);
    server.send(ok(path));
    t.equal((await client.message()).body, path);
  }
  t.equal(await client.rest(), '');
});

t.test('a pipelined request after one that was answered before its body arrived', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(`POST /1 HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello`);
  await server.take('hello');
  server.send(ok('early'));
  t.equal((await client.message()).body, 'early');
  client.send(`world${get('/2')}`);
  const other = await w.server.next();
  t.equal((await other.message()).line, 'GET /2 HTTP/1.1', 'on another connection, because the first request was not sent completely');
  other.send(ok('two'));
  t.equal((await client.message()).body, 'two');
  await server.closed();
});

t.test('responses made by Sluice keep the connection, for pipelined requests as well', async (t) => {
  const w = await world(t, { handler: { request: (exchange) => exchange.respond(200, {}, exchange.request.path) } });
  const client = await w.client();
  client.send(
    `${get('/1')}POST /2 HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc${get('/3', 'Connection: Upgrade\r\nUpgrade: x\r\n')}${get('/4')}`,
  );
  for (const path of ['/1', '/2', '/3', '/4']) t.equal((await client.message()).body, path);
});

t.test('Connection: close is obeyed, and octets after it are not processed', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(`${get('/1', 'Connection: close\r\n')}${get('/2')}`);
  await server.message();
  server.send(ok('one'));
  const response = await client.message();
  t.equal(field(response, 'connection'), 'close');
  t.equal(await client.rest(), '');
  t.equal(server.text, '');
  client.end();
  await w.quiet();
  t.equal(w.upstream.pool.idle, 1, 'the server connection is still kept');
});

t.test('HTTP/1.0', async (t) => {
  await t.test('is closed unless the client asks to keep it', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('GET / HTTP/1.0\r\n\r\n');
    const request = await server.message();
    t.equal(field(request, 'connection'), undefined);
    t.match(field(request, 'via'), /^1\.0 /);
    server.send(ok('x'));
    const response = await client.message();
    t.equal(response.line, 'HTTP/1.1 200 OK');
    t.equal(field(response, 'connection'), 'close');
    t.equal(await client.rest(), '');
  });
  await t.test('is kept if the client asks for it', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    await server.message();
    server.send(ok('x'));
    t.equal(field(await client.message(), 'connection'), 'keep-alive');
    client.send('GET /2 HTTP/1.0\r\n\r\n');
    t.equal((await server.message()).line, 'GET /2 HTTP/1.1');
    server.send(ok('y'));
    t.equal((await client.message()).body, 'y');
  });
  await t.test('gets no chunks, no trailers and no interim responses', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    await server.message();
    server.send(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n',
    );
    const head = await client.head();
    t.equal(statusOf(head), 200);
    t.equal(field(head, 'transfer-encoding'), undefined);
    t.equal(field(head, 'connection'), 'close');
    t.equal(await client.rest(), 'hello');
  });
  await t.test('sees that a chunked body broke off', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('GET / HTTP/1.0\r\n\r\n');
    await server.message();
    server.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await client.take('hello');
    server.end();
    t.equal(await client.until('the end', () => client.over), 'reset');
  });
});

t.test('Expect: 100-continue', async (t) => {
  const expecting = `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
  await t.test("the server's 100 is passed on, once", async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting);
    t.equal(field(await server.head(), 'expect'), '100-continue');
    server.send('HTTP/1.1 100 Continue\r\n\r\n');
    t.equal((await client.head()).line, 'HTTP/1.1 100 Continue');
    client.send('hello');
    await server.take('hello');
    server.send(ok('x'));
    t.equal((await client.message()).body, 'x');
  });
  await t.test('is answered by Sluice if the server sends no 100', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting);
    await server.head();
    t.equal((await client.head()).line, 'HTTP/1.1 100 Continue');
    client.send('hello');
    await server.take('hello');
    server.send(ok('x'));
    t.equal((await client.message()).body, 'x');
  });
  await t.test('a final status instead of 100 ends the exchange without waiting for the body', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting);
    await server.head();
    server.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    const response = await client.message();
    t.equal(statusOf(response), 401);
    t.equal(field(response, 'connection'), 'close', 'because the body may still arrive');
    await server.closed();
  });
  await t.test('of HTTP/1.0 is ignored', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting.replace('HTTP/1.1', 'HTTP/1.0'));
    await server.head();
    server.send('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hello');
    await server.take('hello');
    server.send(ok('x'));
    t.equal(statusOf(await client.message()), 200);
  });
});

t.test('the exchange of a client that disconnects is ended', async (t) => {
  for (const how of ['reset', 'end'] as const) {
    for (const [when, sent] of [
      ['before the response', ''],
      ['within the response', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ] as const) {
      await t.test(`${how} ${when}`, async (t) => {
        const w = await world(t, { spec: { timeouts: { clientIdle: '2s' } } });
        const { client, server } = await w.asked(get('/'));
        await server.message();
        server.send(sent);
        if (sent) await client.take('hello');
        if (how === 'reset') client.reset();
        else client.end();
        if (sent && how === 'end') {
          // A FIN may only mean that the client has nothing more to send: a response under way continues.
          server.send('world');
          t.equal(await client.rest(), 'world');
        } else {
          await server.closed();
          t.equal(w.upstream.pool.open, 0);
        }
        await w.quiet();
      });
    }
    await t.test(`${how} within the request`, async (t) => {
      const w = await world(t);
      const { client, server } = await w.asked(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
      await server.take('hello\r\n');
      if (how === 'reset') client.reset();
      else client.end();
      await server.closed();
      t.equal(server.text, '', 'no last chunk');
      await w.quiet();
    });
  }
});

t.test('slow clients', async (t) => {
  const spec = { timeouts: { requestHead: '150ms' } } as const;
  await t.test('a head that takes too long is answered with 408', async (t) => {
    const w = await world(t, { spec });
    const client = await w.client();
    client.send('GET / HTTP/1.1\r\nHost');
    const response = await client.message();
    t.equal(statusOf(response), 408);
    t.equal(field(response, 'connection'), 'close');
    t.equal(w.server.count, 0);
  });
  await t.test('octets that trickle in do not prolong the limit', async (t) => {
    const w = await world(t, { spec });
    const client = await w.client();
    client.send('GET / HTTP/1.1\r\n');
    const trickle = setInterval(() => client.send('a: b\r\n'), 20);
    t.teardown(() => clearInterval(trickle));
    t.equal(statusOf(await client.message()), 408);
  });
  await t.test('a body that stops arriving is answered with 408, and the server sees a broken request', async (t) => {
    const w = await world(t, { spec: { timeouts: { clientIdle: '15s' } } });
    const { client, server } = await w.asked(`POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello`);
    await server.take('hello');
    await passTime(15_000);
    t.equal(statusOf(await client.message()), 408);
    await server.closed();
  });
  await t.test('an idle connection is closed without a response', async (t) => {
    const w = await world(t, { spec: { timeouts: { clientIdle: '300ms' } } });
    const client = await w.client();
    t.equal(await client.rest(), '');
  });
  await t.test('a slow client does not delay another', async (t) => {
    const w = await world(t, { spec });
    const slow = await w.client();
    slow.send('GET / HT');
    const { client, server } = await w.asked(get('/'));
    await server.message();
    server.send(ok('x'));
    t.equal((await client.message()).body, 'x');
    t.equal(statusOf(await slow.message()), 408);
  });
});

t.test('a request body beyond its limit', async (t) => {
  const spec = { limits: { bodyBytes: 10 } };
  await t.test('is refused by its Content-Length', async (t) => {
    const w = await world(t, { spec });
    const client = await w.client();
    client.send(`POST / HTTP/1.1\r\n${host}Content-Length: 11\r\n\r\n`);
    t.equal(statusOf(await client.message()), 413);
    t.equal(w.server.count, 0);
  });
  await t.test('is refused once it has arrived', async (t) => {
    const w = await world(t, { spec });
    const { client, server } = await w.asked(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n`);
    await server.take('12345678\r\n');
    client.send('8\r\n12345678\r\n');
    t.equal(statusOf(await client.message()), 413);
    await server.closed();
  });
});

t.test('closing the listener lets exchanges in flight finish', async (t) => {
  const w = await world(t);
  const idle = await w.client();
  const { client, server } = await w.asked(get('/'));
  await server.message();
  const closed = w.listener.close(5000);
  t.equal(await idle.rest(), '', 'an idle connection is closed');
  server.send(ok('x'));
  const response = await client.message();
  t.equal(response.body, 'x');
  t.equal(field(response, 'connection'), 'close');
  client.end();
  idle.end();
  await closed;
  t.equal(w.listener.connections, 0);
});

t.test('exchanges that are not finished within the grace time are cut off', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(get('/'));
  await server.message();
  await w.listener.close(50);
  await client.closed();
  await server.closed();
  await w.quiet();
});
