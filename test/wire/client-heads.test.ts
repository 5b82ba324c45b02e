import t from 'tap';
import { field, statusOf } from './peer.ts';
import { world } from './world.ts';

const host = 'Host: a\r\n';

/** Requests that a recipient must not guess about. Each gets one response, the connection is closed, and no server gets the request. */
const refused: readonly [name: string, request: string, status: number][] = [
  [
    'both Content-Length and Transfer-Encoding',
    `POST / HTTP/1.1\r\n${host}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
    400,
  ],
  [
    'Transfer-Encoding before Content-Length',
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n`,
    400,
  ],
  ['two Transfer-Encodings', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['chunked twice', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked not last', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 400],
  ['an unknown coding before chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['xchunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked with a vertical tab', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked in quotes', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 400],
  ['space before the colon', `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a folded Transfer-Encoding', `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
  ['Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['two equal Content-Lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, 400],
  ['two Content-Lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 0\r\n\r\nx`, 400],
  ['a list of Content-Lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\nx`, 400],
  ['Content-Length +1', `POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\nx`, 400],
  ['Content-Length -1', `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nx`, 400],
  ['Content-Length 0x1', `POST / HTTP/1.1\r\n${host}Content-Length: 0x1\r\n\r\nx`, 400],
  ['Content-Length 1 1', `POST / HTTP/1.1\r\n${host}Content-Length: 1 1\r\n\r\nx`, 400],
  ['an empty Content-Length', `POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\nx`, 400],
  ['an overflowing Content-Length', `POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551617\r\n\r\nx`, 400],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${host}\r\n`, 400],
  ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 400],
  ['bare LFs only', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['a bare CR in a value', `GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n`, 400],
  ['a bare CR as a line end', `GET / HTTP/1.1\r\n${host}X: a\r\r\n\r\n`, 400],
  ['a NUL in a value', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 400],
  ['a NUL in a name', `GET / HTTP/1.1\r\n${host}X\0: a\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400],
  ['white space before the first field', `GET / HTTP/1.1\r\n ${host}\r\n`, 400],
  ['a field without a name', `GET / HTTP/1.1\r\n${host}: x\r\n\r\n`, 400],
  ['a line without a colon', `GET / HTTP/1.1\r\n${host}X\r\n\r\n`, 400],
  ['no Host', 'GET / HTTP/1.1\r\nX: y\r\n\r\n', 400],
  ['two Hosts', `GET / HTTP/1.1\r\n${host}Host: b\r\n\r\n`, 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400],
  ['a list of Hosts', 'GET / HTTP/1.1\r\nHost: a, b c\r\n\r\n', 400],
  ['absolute-form without Host', 'GET http://a/ HTTP/1.1\r\n\r\n', 400],
  ['absolute-form with user information', `GET http://u@a/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['an https target on a plain connection', `GET https://a/ HTTP/1.1\r\n${host}\r\n`, 421],
  ['authority-form for GET', `GET a:80 HTTP/1.1\r\n${host}\r\n`, 400],
  ['CONNECT', `CONNECT a:80 HTTP/1.1\r\n${host}\r\n`, 501],
  ['CONNECT in small letters', `connect / HTTP/1.1\r\n${host}\r\n`, 501],
  ['HEAD in small letters', `head / HTTP/1.1\r\n${host}\r\n`, 400],
  ['asterisk-form for GET', `GET * HTTP/1.1\r\n${host}\r\n`, 400],
  ['two spaces after the method', `GET  / HTTP/1.1\r\n${host}\r\n`, 400],
  ['a tab instead of a space', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400],
  ['a fragment in the target', `GET /a#b HTTP/1.1\r\n${host}\r\n`, 400],
  ['an octet above 127 in the target', `GET /\xe9 HTTP/1.1\r\n${host}\r\n`, 400],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 505],
  ['HTTP/0.9', 'GET /\r\n', 400],
  ['lower-case http', `GET / http/1.1\r\n${host}\r\n`, 400],
  ['HTTP/1.10', `GET / HTTP/1.10\r\n${host}\r\n`, 400],
  ['a method that is not a token', `G(T / HTTP/1.1\r\n${host}\r\n`, 400],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['an unknown expectation', `POST / HTTP/1.1\r\n${host}Expect: 200-maybe\r\nContent-Length: 1\r\n\r\nx`, 417],
  ['Connection that nominates Host', `GET / HTTP/1.1\r\n${host}Connection: Host\r\n\r\n`, 400],
  ['Connection that nominates Content-Length', `POST / HTTP/1.1\r\n${host}Connection: Content-Length\r\nContent-Length: 1\r\n\r\nx`, 400],
  ['Connection that is not a list of tokens', `GET / HTTP/1.1\r\n${host}Connection: a b\r\n\r\n`, 400],
  ['a target beyond its limit', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['a head beyond its limit', `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(33_000)}\r\n\r\n`, 431],
  ['too many fields', `GET / HTTP/1.1\r\n${host}${'a:b\r\n'.repeat(100)}\r\n`, 431],
];

t.test('malformed and ambiguous requests are refused, and the connection is closed', async (t) => {
  const w = await world(t);
  for (const [name, request, status] of refused) {
    await t.test(name, async (t) => {
      const client = await w.client();
      client.send(`${request}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      const response = await client.message();
      t.equal(statusOf(response), status);
      t.equal(field(response, 'connection'), 'close');
      t.match(field(response, 'content-type'), 'application/problem+json');
      const problem = JSON.parse(response.body);
      t.match(problem, { status, code: /^[a-z0-9.-]+$/, requestId: field(response, 'x-request-id') });
      t.equal(await client.rest(), '', 'and nothing else');
    });
  }
  t.equal(w.server.count, 0, 'no server got any of them');
});

/** Bodies that are refused while they arrive: the server must not take what it got for a complete request. */
const badBodies: readonly [name: string, body: string, status: number][] = [
  ['a chunk size that is not a number', 'xyz\r\n', 400],
  ['a chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n', 400],
  ['a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n', 400],
  ['a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n', 400],
  ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n', 400],
  ['an overflowing chunk size', 'fffffffffffffffff\r\nhello', 400],
  ['a chunk line that ends with LF alone', '5\nhello\r\n0\r\n\r\n', 400],
  ['chunk data longer than its size', '3\r\nhello\r\n0\r\n\r\n', 400],
  ['chunk data that ends with LF alone', '5\r\nhello\n0\r\n\r\n', 400],
  ['a chunk extension with a bare LF', '5;a\nb\r\nhello\r\n0\r\n\r\n', 400],
  ['a chunk extension without an end', `5;${'a'.repeat(2000)}`, 400],
  ['a trailer with Content-Length', '0\r\nContent-Length: 5\r\n\r\n', 400],
  ['a trailer with Transfer-Encoding', '0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
  ['trailers without an end', `0\r\n${`a: ${'b'.repeat(500)}\r\n`.repeat(20)}`, 431],
];

t.test('an invalid body is refused, and the request stays incomplete for the server', async (t) => {
  const w = await world(t);
  for (const [name, body, status] of badBodies) {
    await t.test(name, async (t) => {
      const { client, server } = await w.asked(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
      await server.head();
      client.send(body);
      const response = await client.message();
      t.equal(statusOf(response), status);
      t.equal(field(response, 'connection'), 'close');
      await server.closed();
      t.notMatch(server.text, /(^|\r\n)0\r\n/, 'no last chunk was sent');
    });
  }
  await w.quiet();
});

t.test('a request cut into pieces at every byte means the same', async (t) => {
  const w = await world(t);
  const request = `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n5;e="1"\r\nhello\r\n0\r\nT: 1\r\n\r\n`;
  const client = await w.client();
  client.send(request);
  const server = await w.server.next();
  const answer = async () => {
    const { line, body, trailers } = await server.message();
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    t.equal(statusOf(await client.message()), 200);
    return { line, body, trailers };
  };
  const whole = await answer();
  t.strictSame(whole, { line: 'POST /x HTTP/1.1', body: 'hello', trailers: 'T: 1\r\n' });
  for (let cut = 1; cut < request.length; cut++) {
    await client.sent(request.slice(0, cut));
    // Octets written in one turn may arrive in one piece, so the rest is written in the next turn.
    await new Promise(setImmediate);
    client.send(request.slice(cut));
    t.strictSame(await answer(), whole, `cut at ${cut}`);
  }
  for (const octet of request) {
    await client.sent(octet);
    await new Promise(setImmediate);
  }
  t.strictSame(await answer(), whole, 'octet by octet');
  t.equal(w.server.count, 1);
});

t.test('unambiguous requests are accepted', async (t) => {
  const w = await world(t);
  const answered = async (request: string) => {
    const client = await w.client();
    client.send(request);
    const server = await w.server.next();
    const received = await server.message();
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    t.equal(statusOf(await client.message()), 200);
    client.end();
    return received;
  };
  t.equal((await answered(`\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`)).line, 'GET / HTTP/1.1', 'empty lines before the request line');
  t.equal((await answered(`GET / HTTP/1.7\r\n${host}\r\n`)).line, 'GET / HTTP/1.1', 'a later minor version is forwarded as HTTP/1.1');
  const absolute = await answered('GET http://Other.test:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal(absolute.line, 'GET /p?q HTTP/1.1', 'absolute-form becomes origin-form');
  t.equal(field(absolute, 'host'), 'other.test:81', 'its authority replaces Host');
  t.equal((await answered(`OPTIONS * HTTP/1.1\r\n${host}\r\n`)).line, 'OPTIONS * HTTP/1.1', 'asterisk-form');
  t.equal(
    (await answered(`OPTIONS http://a HTTP/1.1\r\n${host}\r\n`)).line,
    'OPTIONS * HTTP/1.1',
    'absolute-form without a path, for OPTIONS',
  );
  t.equal((await answered(`PURGE / HTTP/1.1\r\n${host}\r\n`)).line, 'PURGE / HTTP/1.1', 'an unregistered method');
  const old = await answered('GET / HTTP/1.0\r\n\r\n');
  t.equal(old.line, 'GET / HTTP/1.1', 'HTTP/1.0 without Host');
  t.equal(field(old, 'host'), `127.0.0.1:${w.server.port}`, 'gets the authority of the server');
  t.equal(field(await answered(`GET / HTTP/1.1\r\n${host}X:  \t spaced \t \r\n\r\n`), 'x'), 'spaced', 'white space around a value');
});
