import t from 'tap';
import type { Exchange } from '../../src/proxy/contract.ts';
import { hostLine } from '../../src/proxy/rewrite.ts';
import { field, statusOf } from './peer.ts';
import { type World, world } from './world.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** Sends one request and one response through Sluice; returns the request as the server gets it, and the response as the client does. */
async function passed(w: World, request: string, response = ok) {
  const client = await w.client();
  client.send(request);
  const server = await w.server.next();
  const received = await server.message();
  server.send(response);
  const answer = await client.message();
  // The next request must be on a new connection.
  server.socket.destroy();
  await server.closed();
  client.socket.destroy();
  return { received, answer };
}
const withLines = (lines: string) => `GET / HTTP/1.1\r\nHost: Example.Test\r\n${lines}\r\n`;

t.test('fields about the connection are not forwarded', async (t) => {
  const w = await world(t);
  const lines =
    'Connection: Keep-Alive, X-One, x-two\r\nConnection: close\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: x\r\n' +
    'X-One: 1\r\nX-TWO: 2\r\nx-one: 3\r\nX-Three: 3\r\n';
  const { received, answer } = await passed(w, withLines(lines), `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${lines}\r\n`);
  for (const message of [received, answer]) {
    const names = message.fields.map(([name]) => name);
    t.strictSame(
      names.filter((name) => /^(keep-alive|proxy-connection|te|upgrade|x-one|x-two)$/.test(name)),
      [],
    );
    t.ok(names.includes('x-three'));
  }
  t.equal(field(received, 'connection'), undefined);
  t.equal(field(answer, 'connection'), 'close', 'as the client asked');
});

t.test('HTTP2-Settings and h2c are not forwarded, and the request stays HTTP/1.1', async (t) => {
  const w = await world(t);
  const { received, answer } = await passed(
    w,
    withLines('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
  );
  t.equal(field(received, 'upgrade'), undefined);
  t.equal(field(received, 'http2-settings'), undefined);
  t.equal(field(received, 'connection'), undefined);
  t.equal(statusOf(answer), 200);
});

t.test('all other fields are forwarded in their order and spelling', async (t) => {
  const w = await world(t);
  const lines = [
    'B-Second: 2',
    'a-first: "quoted, \\" "',
    'B-Second: 3',
    'Cookie: a=b',
    'X-Latin: \xe9\xff',
    'X-Empty:',
    'Authorization: Basic Zm9v',
  ];
  const response = [
    'Set-Cookie: a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT',
    'X-A: 1',
    'Set-Cookie: b=2',
    'set-cookie: a=3',
    'WWW-Authenticate: x',
    'Date: yesterday',
  ];
  const { received, answer } = await passed(
    w,
    withLines(`${lines.join('\r\n')}\r\n`),
    `HTTP/1.1 299 Oddly \xe9\r\n${response.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`,
  );
  t.match(received.raw, `Host: Example.Test\r\n${lines.join('\r\n')}\r\n`);
  t.ok(answer.raw.startsWith(`HTTP/1.1 299 Oddly \xe9\r\n${response.join('\r\n')}\r\n`), 'cookies are not joined, and no second Date');
});

t.test('the address of the client', async (t) => {
  const claims = withLines('X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n');
  await t.test('is not believed from untrusted peers', async (t) => {
    const w = await world(t);
    const { received } = await passed(w, claims);
    t.equal(field(received, 'x-forwarded-for'), '127.0.0.1');
    t.equal(field(received, 'x-forwarded-proto'), 'http');
    t.equal(field(received, 'x-forwarded-host'), 'example.test');
    t.equal(field(received, 'forwarded'), undefined);
    t.equal(w.records[0]?.client, '127.0.0.1');
  });
  await t.test('is believed from a trusted proxy, and extended', async (t) => {
    const w = await world(t, { spec: { trustedProxies: ['127.0.0.0/8'] } });
    const { received } = await passed(w, claims);
    t.equal(field(received, 'x-forwarded-for'), '6.6.6.6, 127.0.0.1');
    t.equal(field(received, 'x-forwarded-proto'), 'https');
    t.equal(field(received, 'x-forwarded-host'), 'evil');
    t.equal(field(received, 'forwarded'), 'for=6.6.6.6, for=127.0.0.1;host="example.test";proto=http');
    t.equal(w.records[0]?.client, '6.6.6.6');
  });
  await t.test('is read from Forwarded alone, and told in both fields', async (t) => {
    const w = await world(t, { spec: { trustedProxies: ['127.0.0.0/8'] } });
    const { received } = await passed(w, withLines('Forwarded: for="[2001:DB8::7]:54321";proto=https;host=shop.test\r\n'));
    t.equal(field(received, 'x-forwarded-for'), '2001:db8::7, 127.0.0.1');
    t.equal(field(received, 'x-forwarded-proto'), 'https');
    t.equal(field(received, 'x-forwarded-host'), 'shop.test');
    t.equal(w.records[0]?.client, '2001:db8::7');
  });
  await t.test('is known without its port', async (t) => {
    const w = await world(t, { spec: { trustedProxies: ['127.0.0.0/8'] } });
    await passed(w, withLines('X-Forwarded-For: 203.0.113.7:54321\r\n'));
    t.equal(w.records[0]?.client, '203.0.113.7');
  });
  await t.test('several lines and addresses are one chain', async (t) => {
    const w = await world(t, { spec: { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] } });
    const { received } = await passed(w, withLines('X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-For: 10.0.0.1\r\n'));
    t.equal(field(received, 'x-forwarded-for'), '6.6.6.6, 7.7.7.7, 10.0.0.1, 127.0.0.1');
    t.equal(w.records[0]?.client, '7.7.7.7', 'the last address that is not trusted');
  });
});

t.test('x-request-id', async (t) => {
  const w = await world(t);
  const made = field((await passed(w, withLines(''))).received, 'x-request-id');
  t.match(made, /^[0-9a-f]{16}-[0-9a-f]+$/, 'is made if it is missing');
  t.equal(w.records[0]?.id, made);
  t.equal(field((await passed(w, withLines('X-Request-Id: abc-123\r\n'))).received, 'x-request-id'), 'abc-123', 'is kept');
  for (const odd of ['a b', 'a"b', 'x'.repeat(129), '']) {
    t.match(
      field((await passed(w, withLines(`X-Request-Id: ${odd}\r\n`))).received, 'x-request-id'),
      /^[0-9a-f]{16}-/,
      'is replaced if it is invalid',
    );
  }
});

t.test('Via', async (t) => {
  const w = await world(t);
  t.equal(field((await passed(w, withLines('Via: 1.1 before\r\n'))).received, 'via'), '1.1 before, 1.1 sluice');
});

t.test('Date is added to responses that lack it', async (t) => {
  const w = await world(t);
  const { answer } = await passed(w, withLines(''));
  t.match(field(answer, 'date'), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
});

t.test('Max-Forwards', async (t) => {
  const w = await world(t);
  const { received } = await passed(w, withLines('Max-Forwards: 3\r\n').replace('GET', 'OPTIONS'));
  t.equal(field(received, 'max-forwards'), '2', 'is decremented');
  t.equal(field((await passed(w, withLines('Max-Forwards: 0\r\n'))).received, 'max-forwards'), '0', 'has no meaning for other methods');
  const before = w.server.count;
  for (const [method, status] of [
    ['OPTIONS', 204],
    ['TRACE', 501],
  ] as const) {
    const client = await w.client();
    client.send(withLines('Max-Forwards: 0\r\n').replace('GET', method));
    t.equal(statusOf(await client.message()), status, `${method} with none left is answered by Sluice`);
  }
  t.equal(w.server.count, before);
});

t.test('responses that Sluice makes itself', async (t) => {
  const w = await world(t, { route: { pick: () => undefined } });
  const client = await w.client();
  client.send(withLines('X-Request-Id: abc\r\n'));
  const answer = await client.message();
  t.equal(statusOf(answer), 503);
  t.equal(field(answer, 'retry-after'), '1');
  t.equal(field(answer, 'x-request-id'), 'abc');
  t.ok(field(answer, 'date'));
  t.equal(field(answer, 'server'), undefined, 'no version');
  t.equal(field(answer, 'content-type'), 'application/problem+json');
  t.strictSame(JSON.parse(answer.body), {
    type: 'about:blank',
    title: 'No server is available at the moment.',
    status: 503,
    code: 'no-server',
    requestId: 'abc',
  });
  client.send(withLines('').replace('GET', 'HEAD'));
  const head = await client.head();
  t.ok(Number(field(head, 'content-length')) > 0);
  client.send(withLines(''));
  t.equal(statusOf(await client.message()), 503, 'HEAD got no body, and the connection goes on');
});

t.test('x-served-by only if the environment asks for it', async (t) => {
  const shown = await world(t, { spec: { exposeServer: true } });
  t.equal(field((await passed(shown, withLines(''))).answer, 'x-served-by'), shown.upstream.id);
  const hidden = await world(t);
  t.equal(field((await passed(hidden, withLines(''))).answer, 'x-served-by'), undefined);
});

t.test('request bodies get new framing', async (t) => {
  const w = await world(t);
  const chunked =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop\r\nTransfer-Encoding: Chunked\r\nTrailer: T\r\n\r\n' +
    '2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: 1\r\nX-Hop: 2\r\nAuthorization: x\r\n\r\n';
  const { received } = await passed(w, chunked);
  t.equal(field(received, 'transfer-encoding'), 'chunked');
  t.equal(field(received, 'content-length'), undefined);
  t.equal(field(received, 'trailer'), 'T');
  t.equal(received.body, 'hello');
  t.equal(received.trailers, 'T: 1\r\n', 'without fields that must not be trailers');
  t.notMatch(received.raw, 'a=b');
  const counted = (await passed(w, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello')).received;
  t.equal(field(counted, 'content-length'), '5', 'no leading zero, which a server could take for an octal number');
  t.equal(counted.body, 'hello');
  const none = (await passed(w, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')).received;
  t.equal(field(none, 'content-length'), '0');
});

t.test('leading zeros of Content-Length are not forwarded, of a request or of a response', async (t) => {
  for (const zeros of ['0', '000000000']) {
    const w = await world(t);
    const { client, server } = await w.asked(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length:${zeros}5\r\nX-A: 1\r\n\r\nhello`);
    const received = await server.message();
    t.equal(field(received, 'content-length'), '5');
    t.equal(field(received, 'x-a'), '1');
    server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${zeros}2\r\n\r\nok`);
    const answer = await client.message();
    t.equal(field(answer, 'content-length'), '2');
    t.equal(answer.body, 'ok');
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${zeros}\r\n\r\n`);
    t.equal(field(await server.message(), 'content-length'), '0');
  }
});

t.test('a request that names no host gets the one of its server', async (t) => {
  for (const head of ['GET / HTTP/1.0\r\n', 'GET / HTTP/1.0\r\nHost:\r\n', 'GET / HTTP/1.1\r\nHost: \r\n']) {
    const w = await world(t);
    const { server } = await w.asked(`${head}\r\n`);
    const received = await server.head();
    t.strictSame(
      received.fields.filter(([name]) => name === 'host'),
      [['host', `127.0.0.1:${w.server.port}`]],
      head,
    );
    const upgrade = await w.asked(
      `${head.replace('1.0', '1.1').replace(/1\r\n$/, '1\r\nHost:\r\n')}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    );
    t.equal(field(await upgrade.server.head(), 'host'), `127.0.0.1:${w.server.port}`);
  }
});

t.test('a role can change target, host and fields', async (t) => {
  const w = await world(t, {
    handler: {
      request(exchange) {
        exchange.request.headers.set('X-Added', '1');
        exchange.request.headers.remove('x-gone');
        exchange.forward({ ...route, pick: () => w.upstream });
      },
    },
  });
  const { environmentSpec } = await import('../../src/model/environment.ts');
  const { RetryBudget } = await import('../../src/proxy/retry.ts');
  const route = {
    settings: environmentSpec.parse({}),
    budget: new RetryBudget(),
    rewrite: () => ({ target: '/new?x', host: 'other:1', hostLine: hostLine('other:1') }),
    respond: (exchange: { response: { headers: { set(name: string, value: string): void; remove(name: string): void } } }) => {
      exchange.response.headers.set('X-B', '2');
      exchange.response.headers.remove('x-a');
    },
  };
  const { received, answer } = await passed(
    w,
    withLines('X-Gone: 1\r\nX-Added: 0\r\n'),
    'HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n',
  );
  t.equal(received.line, 'GET /new?x HTTP/1.1');
  t.equal(field(received, 'host'), 'other:1');
  t.equal(field(received, 'x-added'), '1');
  t.equal(field(received, 'x-gone'), undefined);
  t.equal(field(answer, 'x-b'), '2');
  t.equal(field(answer, 'x-a'), undefined);
});

t.test('a role can change the host alone', async (t) => {
  const w = await world(t, { handler: { request: (exchange) => exchange.forward({ ...route, pick: () => w.upstream }) } });
  const { environmentSpec } = await import('../../src/model/environment.ts');
  const { RetryBudget } = await import('../../src/proxy/retry.ts');
  const route = {
    settings: environmentSpec.parse({}),
    budget: new RetryBudget(),
    rewrite: ({ request }: Exchange) => ({ target: request.target, host: 'other:1', hostLine: hostLine('other:1') }),
  };
  for (const start of ['GET /a?b HTTP/1.1', 'GET /a?b HTTP/1.0', 'GET http://a.example/a?b HTTP/1.1']) {
    const { received } = await passed(w, `${start}\r\nHost: a.example\r\nX-A: 1\r\n\r\n`);
    t.equal(received.line, 'GET /a?b HTTP/1.1', start);
    t.strictSame(
      received.fields.filter(([name]) => name === 'host').map(([, value]) => value),
      ['other:1'],
      start,
    );
    t.equal(field(received, 'x-a'), '1', start);
  }
});

t.test('Expect is not forwarded where it has no meaning', async (t) => {
  const w = await world(t);
  const { received } = await passed(w, withLines('Expect: 100-continue\r\nX-A: 1\r\n'));
  t.equal(field(received, 'expect'), undefined, 'without content');
  t.equal(field(received, 'x-a'), '1');
  const old = 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx';
  t.equal(field((await passed(w, old)).received, 'expect'), undefined, 'from HTTP/1.0');
});

t.test('TRACE with content is refused', async (t) => {
  const w = await world(t);
  for (const framing of ['Content-Length: 1\r\n\r\nx', 'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n']) {
    const client = await w.client();
    client.send(`TRACE / HTTP/1.1\r\nHost: a\r\n${framing}`);
    const answer = await client.message();
    t.equal(statusOf(answer), 400);
    t.match(JSON.parse(answer.body), { code: 'trace-with-content' });
  }
  t.equal(w.server.count, 0);
  const { received } = await passed(w, withLines('').replace('GET', 'TRACE'));
  t.equal(received.line, 'TRACE / HTTP/1.1', 'TRACE without content goes to the server');
});

t.test('Upgrade of HTTP/1.0 is ignored', async (t) => {
  const w = await world(t);
  const { received } = await passed(w, 'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  t.strictSame([field(received, 'upgrade'), field(received, 'connection')], [undefined, undefined]);
});

t.test('fields for caches, clients and other servers are forwarded unchanged', async (t) => {
  const w = await world(t);
  const asked = [
    'Range: bytes=0-1, 5-',
    'If-Range: "e"',
    'If-None-Match: W/"a", "b"',
    'Cache-Control: no-transform, max-age=0',
    'Accept-Encoding: gzip;q=0.5, *;q=0',
    'Authorization: Digest a="b"',
    'Proxy-Authorization: Basic Zm9v',
    'User-Agent: x (y)',
    'Trailer: T',
  ];
  const answered = [
    'Age: 5',
    'Content-Encoding: gzip',
    'Content-Location: /x',
    'Content-Range: bytes 0-1/9',
    'Vary: Accept-Encoding, *',
    'Warning: 110 - "stale"',
    'WWW-Authenticate: Basic realm="a", Digest realm="b"',
    'Proxy-Authenticate: Basic realm="c"',
    'Server: other/1',
    'Allow: GET, HEAD',
    'Location: //elsewhere.test/a b',
    'Retry-After: 5',
    'Trailer: T',
  ];
  const { received, answer } = await passed(
    w,
    withLines(`${asked.join('\r\n')}\r\n`),
    `HTTP/1.1 206 Partial Content\r\n${answered.join('\r\n')}\r\nContent-Length: 2\r\n\r\nab`,
  );
  t.ok(received.raw.includes(`\r\n${asked.join('\r\n')}\r\n`));
  t.ok(answer.raw.includes(`\r\n${answered.join('\r\n')}\r\n`));
  t.equal(answer.body, 'ab');
});

t.test('426 is forwarded with the protocols to upgrade to', async (t) => {
  const w = await world(t);
  const required = 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: chat\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n';
  for (const lines of ['', 'Connection: Upgrade\r\nUpgrade: other\r\n']) {
    const { answer } = await passed(w, withLines(lines), required);
    t.equal(field(answer, 'upgrade'), 'chat');
    t.match(field(answer, 'connection'), 'Upgrade');
  }
});
