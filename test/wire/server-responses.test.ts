import t from 'tap';
import { passTime } from '../tools/pass-time.ts';
import { field, type Peer, statusOf } from './peer.ts';
import { type World, world } from './world.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Sends `request` from a new client, and the server's `response` to it. */
async function answered(w: World, response: string, request = get): Promise<{ client: Peer; server: Peer }> {
  const { client, server } = await w.asked(request);
  await server.message();
  server.send(response);
  return { client, server };
}

/** Invalid responses: the client gets 502, and the connection is not used again. */
const unusable: readonly [name: string, response: string][] = [
  ['both Content-Length and Transfer-Encoding', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two Content-Lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['a Content-Length that is not a number', 'HTTP/1.1 200 OK\r\nContent-Length: 5a\r\n\r\nhello'],
  ['an overflowing Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello'],
  ['an unknown transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  ['Transfer-Encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['SSH instead of HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['status 099', 'HTTP/1.1 099 No\r\n\r\n'],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n'],
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n'],
  ['a huge head', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
  ['too many fields', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(300)}\r\n`],
  ['101 without a request for it', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ['a flood of interim responses', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(65)],
];

t.test('an invalid response becomes 502', async (t) => {
  const w = await world(t);
  for (const [name, response] of unusable) {
    await t.test(name, async (t) => {
      const { client, server } = await answered(w, response);
      let message = await client.message();
      while (statusOf(message) === 103) message = await client.message();
      t.equal(statusOf(message), 502);
      t.match(JSON.parse(message.body), { code: 'bad-response' });
      await server.closed();
      t.equal(w.upstream.pool.open, 0);
    });
  }
  t.equal(w.upstream.failures, unusable.length);
  t.ok(w.outcomes.every(({ kind }) => kind === 'bad-response'));
});

t.test('a connection that closes before a complete head becomes 502', async (t) => {
  for (const [name, response] of [
    ['before the head', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['after an interim response', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ] as const) {
    for (const how of ['end', 'reset'] as const) {
      await t.test(`${how} ${name}`, async (t) => {
        const w = await world(t);
        const { client, server } = await w.asked(post);
        await server.message();
        await server.sent(response);
        if (response.includes('103')) await client.head();
        server[how]();
        const message = await client.message();
        t.equal(statusOf(message), 502);
        t.match(JSON.parse(message.body), { code: 'upstream-reset' });
        t.equal(w.upstream.pool.open, 0);
        t.equal(w.server.count, 1, 'a POST is not sent twice');
      });
    }
  }
});

/** Bodies that break off or are invalid: the client must not take what it got for a complete response. */
const broken: readonly [name: string, response: string, ends: boolean][] = [
  ['a short body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', true],
  ['a truncated chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello', true],
  ['no last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', true],
  ['truncated trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n', true],
  ['an invalid chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n', false],
  ['chunk data longer than its size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n', false],
  ['a forbidden trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n', false],
];

t.test('a truncated or invalid body never looks complete', async (t) => {
  for (const [name, response, ends] of broken) {
    for (const how of ends ? (['end', 'reset'] as const) : (['nothing'] as const)) {
      await t.test(`${name}, ${how}`, async (t) => {
        const w = await world(t);
        const { client, server } = await answered(w, response);
        if (how !== 'nothing') {
          await client.take('hello');
          server[how]();
        }
        t.equal(await client.until('the end', () => client.over), 'reset', 'the client sees a reset');
        t.notMatch(client.text, /\r\n0\r\n\r\n/, 'and no last chunk');
        await w.quiet();
        t.equal(w.upstream.pool.open, 0);
        t.equal(w.records[0]?.aborted, true);
      });
    }
  }
  await t.test('a reset within a body until close', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, 'HTTP/1.1 200 OK\r\n\r\nhello');
    await client.take('hello');
    server.reset();
    t.equal(await client.until('the end', () => client.over), 'reset');
  });
});

t.test('octets beyond a response close its connection, and never reach the next exchange', async (t) => {
  for (const [name, response, request] of [
    ['after a body', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`, get],
    ['after a last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\npoison', get],
    ['a body with 204', 'HTTP/1.1 204 No Content\r\n\r\npoison', get],
    ['a body with 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison', get],
    ['a body in response to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison', get.replace('GET', 'HEAD')],
    ['Content-Length with 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison', get],
  ] as const) {
    await t.test(name, async (t) => {
      const w = await world(t);
      const { client, server } = await answered(w, response, request);
      const first = await client.head();
      if (name === 'Content-Length with 204') t.equal(field(first, 'content-length'), undefined);
      if (name === 'after a body') await client.take('ok');
      if (name === 'after a last chunk') await client.take('0\r\n\r\n');
      await server.closed();
      t.equal(w.upstream.pool.open, 0);
      client.send(get);
      const fresh = await w.server.next();
      await fresh.message();
      fresh.send(ok);
      const next = await client.message();
      t.equal(next.body, 'ok', 'the next request gets its own response');
    });
  }
  await t.test('that arrive while it is idle', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, ok);
    await client.message();
    t.equal(w.upstream.pool.idle, 1);
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    await server.closed();
    t.equal(w.upstream.pool.open, 0);
    client.send(get);
    const fresh = await w.server.next();
    await fresh.message();
    fresh.send(ok);
    t.equal((await client.message()).body, 'ok');
  });
});

t.test('a server connection is kept only where that is allowed', async (t) => {
  for (const [name, response, kept] of [
    ['a length', ok, true],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', true],
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', false],
    ['Connection: x, CLOSE', 'HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok', false],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', false],
    ['HTTP/1.0 with keep-alive', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', true],
  ] as const) {
    const w = await world(t);
    const { client, server } = await answered(w, response);
    const message = await client.message();
    t.equal(message.body, 'ok', name);
    t.equal(message.line, 'HTTP/1.1 200 OK', 'the version is that of Sluice');
    t.equal(field(message, 'connection'), undefined, "the client's connection is independent of it");
    await w.quiet();
    t.equal(w.upstream.pool.idle, kept ? 1 : 0, name);
    if (!kept) await server.closed();
  }
});

t.test('bodies of every framing reach the client in the framing that Sluice chooses', async (t) => {
  await t.test('until close', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, 'HTTP/1.0 200 OK\r\n\r\nhello');
    server.end();
    const message = await client.message();
    t.equal(field(message, 'transfer-encoding'), 'chunked');
    t.equal(message.body, 'hello');
    t.equal(w.upstream.pool.open, 0);
  });
  await t.test('chunks with extensions and trailers', async (t) => {
    const w = await world(t);
    const chunked =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n2;ext="x"\r\nhe\r\n3\r\nllo\r\n0;last\r\nT: 1\r\n\r\n';
    const plain = await answered(w, chunked);
    const without = await plain.client.message();
    t.strictSame([without.body, without.trailers], ['hello', ''], 'no trailers for a client that does not announce that it accepts them');
    t.notMatch(without.raw, 'ext', 'no extensions');
    plain.client.send(get.replace('\r\n\r\n', '\r\nTE: trailers\r\nConnection: TE\r\n\r\n'));
    const request = await plain.server.message();
    t.equal(field(request, 'te'), 'trailers');
    t.equal(field(request, 'connection'), 'TE');
    plain.server.send(chunked);
    t.equal((await plain.client.message()).trailers, 'T: 1\r\n');
  });
  await t.test('trailers that Connection nominates are left out', async (t) => {
    const w = await world(t);
    const { client } = await answered(
      w,
      'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nT: 2\r\n\r\n',
      get.replace('\r\n\r\n', '\r\nTE: trailers\r\n\r\n'),
    );
    t.equal((await client.message()).trailers, 'T: 2\r\n');
  });
  await t.test('a response cut at every octet', async (t) => {
    const w = await world(t);
    const response = 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
    const client = await w.client();
    client.send(get);
    const server = await w.server.next();
    for (let cut = 1; cut < response.length; cut++) {
      await server.message();
      await server.sent(response.slice(0, cut));
      await new Promise(setImmediate);
      server.send(response.slice(cut));
      t.equal(statusOf(await client.message()), 103);
      const message = await client.message();
      t.equal(message.line, 'HTTP/1.1 200 ', 'with the space that a status line needs');
      t.equal(message.body, 'hello', `cut at ${cut}`);
      client.send(get);
    }
    t.equal(w.server.count, 1);
  });
  await t.test('a head without any fields', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, 'HTTP/1.1 200 OK\r\n\r\n');
    server.end();
    t.strictSame((await client.message()).body, '');
  });
  await t.test('HEAD, 204 and 304 have no body', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', get.replace('GET', 'HEAD'));
    const head = await client.head();
    t.equal(field(head, 'content-length'), '5');
    client.send(get);
    await server.message();
    server.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n');
    t.equal(field(await client.head(), 'content-length'), '5');
    client.send(get);
    await server.message();
    server.send('HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n');
    t.equal(field(await client.head(), 'transfer-encoding'), undefined);
    client.send(get);
    await server.message();
    server.send(ok);
    t.equal((await client.message()).body, 'ok');
    t.equal(w.server.count, 1);
  });
});

t.test('interim responses are forwarded', async (t) => {
  const w = await world(t);
  const { client } = await answered(
    w,
    `HTTP/1.1 102 Processing\r\nContent-Length: 3\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X\r\nX: 1\r\n\r\n${ok}`,
  );
  const processing = await client.head();
  t.equal(statusOf(processing), 102);
  t.equal(field(processing, 'content-length'), undefined);
  const hints = await client.head();
  t.equal(statusOf(hints), 103);
  t.equal(field(hints, 'link'), '</a>');
  t.equal(field(hints, 'x'), undefined);
  t.equal((await client.message()).body, 'ok');
});

t.test('a response before the request has ended', async (t) => {
  await t.test('before any request: the connection is closed', async (t) => {
    const w = await world(t);
    const { client, server } = await answered(w, ok);
    await client.message();
    server.send(ok);
    await server.closed();
    t.equal(w.upstream.pool.open, 0);
  });
  await t.test('while the body is being sent', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await server.take('hello\r\n');
    server.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    const message = await client.message();
    t.equal(statusOf(message), 413);
    t.equal(field(message, 'connection'), 'close');
    await server.closed();
    t.equal(w.upstream.pool.open, 0, 'a connection with an incomplete request is not kept');
  });
  await t.test('that continues while the body continues', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await server.take('hello\r\n');
    server.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await client.take('hello\r\n');
    client.send('5\r\nworld\r\n0\r\n\r\n');
    await server.take('world\r\n0\r\n\r\n');
    server.send('5\r\nworld\r\n0\r\n\r\n');
    await client.take('world\r\n0\r\n\r\n');
  });
});

t.test('a server that is too slow', async (t) => {
  const spec = { timeouts: { responseHead: '20s' } } as const;
  await t.test('with its head: 504', async (t) => {
    const w = await world(t, { spec });
    const { client, server } = await w.asked(get);
    await server.message();
    await passTime(20_000);
    const message = await client.message();
    t.equal(statusOf(message), 504);
    t.match(JSON.parse(message.body), { code: 'response-timeout' });
    await server.closed();
    t.match(w.outcomes, [{ kind: 'head-timeout' }]);
  });
  await t.test('with a head that trickles in: 504', async (t) => {
    const w = await world(t, { spec });
    const { client, server } = await answered(w, 'HTTP/1.1 200 OK\r\n');
    for (let turn = 0; turn < 4; turn++) {
      await server.sent('a: b\r\n');
      await passTime(5_000);
    }
    t.equal(statusOf(await client.message()), 504);
  });
  await t.test('within its body: the response breaks off', async (t) => {
    const w = await world(t, { spec });
    const { client } = await answered(w, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    await client.take('hello');
    await passTime(20_000);
    t.equal(await client.until('the end', () => client.over), 'reset');
  });
  await t.test('for the whole exchange: 504', async (t) => {
    const w = await world(t, { spec: { timeouts: { total: '20s' } } });
    const { client, server } = await w.asked(get);
    await server.message();
    await passTime(20_000);
    const message = await client.message();
    t.match(JSON.parse(message.body), { status: 504, code: 'total-timeout' });
    t.match(w.outcomes, [{ kind: 'head-timeout' }], 'the failure counts against the server');
  });
  await t.test('is not blamed for a client that is slow with its body', async (t) => {
    const w = await world(t, { spec: { timeouts: { responseHead: '10s', clientIdle: '15s' } } });
    const { client, server } = await w.asked(post.replace('hello', ''));
    await server.head();
    await passTime(10_000);
    t.equal(client.text, '');
    await passTime(5_000);
    const message = await client.message();
    t.equal(statusOf(message), 408);
    t.match(w.outcomes, [{ kind: 'aborted' }]);
  });
});

t.test('an idle server connection is closed by Sluice, before the server does so', async (t) => {
  const w = await world(t, { spec: { timeouts: { upstreamIdle: '20s' } } });
  const { client, server } = await answered(w, ok);
  await client.message();
  t.equal(w.upstream.pool.idle, 1);
  await passTime(20_000);
  await server.closed();
  t.equal(w.upstream.pool.open, 0);
});
