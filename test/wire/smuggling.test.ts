import t from 'tap';
import { field, statusOf } from './peer.ts';
import { world } from './world.ts';

// Published examples of HTTP readers that disagree (PortSwigger's and Narf Industries' papers, the HTTP Garden), in addition to those in
// client-heads.test.ts and http1/every-octet.test.ts.

const host = 'Host: a\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n';
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const refused: readonly [name: string, request: string, status: number][] = [
  // Transfer-Encoding that one reader sees and another does not
  ['an empty element before chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n`, 400],
  ['an empty element after chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`, 400],
  ['identity before chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['chunked with a parameter', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`, 400],
  ['an empty Transfer-Encoding', `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc`, 400],
  ['an empty Transfer-Encoding line before chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n${chunked}\r\n0\r\n\r\n`, 400],
  ['identity and a length', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc`, 400],
  ['chunked in the line of another field', `POST / HTTP/1.1\r\n${host}X: y\n${chunked}\r\n0\r\n\r\n`, 400],
  ['chunked after a lone CR', `POST / HTTP/1.1\r\n${host}X: y\r${chunked}\r\n0\r\n\r\n`, 400],
  ['a name broken over two lines', `POST / HTTP/1.1\r\n${host}Transfer-\r\n Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a value broken over two lines', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chun\r\n ked\r\n\r\n0\r\n\r\n`, 400],

  // Content-Length
  ['a length with an underscore', `POST / HTTP/1.1\r\n${host}Content-Length: 1_0\r\n\r\n0123456789`, 400],
  ['a length in Arabic digits', `POST / HTTP/1.1\r\n${host}Content-Length: \xd9\xa3\r\n\r\nabc`, 400],
  ['a length with a fraction', `POST / HTTP/1.1\r\n${host}Content-Length: 3.0\r\n\r\nabc`, 400],
  ['a length with an exponent', `POST / HTTP/1.1\r\n${host}Content-Length: 1e1\r\n\r\n0123456789`, 400],
  ['a length with a comment', `POST / HTTP/1.1\r\n${host}Content-Length: 3 (a)\r\n\r\nabc`, 400],
  ['a length beyond 2^53', `POST / HTTP/1.1\r\n${host}Content-Length: 9007199254740993\r\n\r\n`, 400],

  // A Host that is masked, doubled, or more than a host
  ['Host in a folded line', `GET / HTTP/1.1\r\nX: y\r\n Host: a\r\n\r\n`, 400],
  ['Host with a space before its colon', `GET / HTTP/1.1\r\nHost : b\r\n${host}\r\n`, 400],
  ['Host with an invalid port', 'GET / HTTP/1.1\r\nHost: a:b@c\r\n\r\n', 400],
  ['Host with a query', 'GET / HTTP/1.1\r\nHost: a?b\r\n\r\n', 400],
  ['Host with a fragment', 'GET / HTTP/1.1\r\nHost: a#b\r\n\r\n', 400],
  ['Host with a backslash', 'GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n', 400],
  ['Host with an open bracket', 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n', 400],
  ['Host with two ports', 'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n', 400],
  ['Host as a URL', 'GET / HTTP/1.1\r\nHost: http://a\r\n\r\n', 400],
  ['two Hosts, one empty', `GET / HTTP/1.1\r\nHost:\r\n${host}\r\n`, 400],
  ['absolute-form and two Hosts', `GET http://b/ HTTP/1.1\r\n${host}${host}\r\n`, 400],

  // Targets that change their meaning when a prefix is put before them
  ['a target that begins with an at sign', `GET @b/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that begins with a query', `GET ?a HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that begins with a dot', `GET .b/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that begins with a colon', `GET :80/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that begins with a backslash', `GET \\b HTTP/1.1\r\n${host}\r\n`, 400],
  ['another scheme', `GET ftp://b/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a scheme without slashes', `GET http:/b HTTP/1.1\r\n${host}\r\n`, 400],
  ['absolute-form without a host', `GET http:///b HTTP/1.1\r\n${host}\r\n`, 400],
  ['absolute-form with a comma', `GET http://b,c d/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['asterisk with a query', `OPTIONS *?a HTTP/1.1\r\n${host}\r\n`, 400],
  ['a second version', `GET / HTTP/1.1 HTTP/1.1\r\n${host}\r\n`, 400],
  ['a CR in the target', `GET /\r HTTP/1.1\r\n${host}\r\n`, 400],
  ['a NUL after the version', `GET / HTTP/1.1\0\r\n${host}\r\n`, 400],
  ['a space after the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 400],
  ['a form feed instead of a space', `GET\f/\fHTTP/1.1\r\n${host}\r\n`, 400],
  ['too many empty lines before the request line', `${'\r\n'.repeat(6)}GET / HTTP/1.1\r\n${host}\r\n`, 400],

  // Expect that one reader obeys and another does not
  ['an expectation in a list', `POST / HTTP/1.1\r\n${host}Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\nx`, 417],
  ['an expectation after another word', `POST / HTTP/1.1\r\n${host}Expect: y 100-continue\r\nContent-Length: 1\r\n\r\nx`, 417],

  // Other protocols than HTTP/1
  ["HTTP/2's preface", 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a frame of HTTP/2', '\0\0\x0c\x04\0\0\0\0\0', 400],
  ['a PROXY line', `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\n${host}\r\n`, 400],
];

t.test('requests that readers interpret differently are refused, and nothing of them reaches a server', async (t) => {
  const w = await world(t);
  for (const [name, request, status] of refused) {
    const client = await w.client();
    client.send(`${request}${smuggled}`);
    const answer = await client.message();
    t.equal(statusOf(answer), status, name);
    t.equal(field(answer, 'connection'), 'close');
    t.equal(await client.rest(), '', `${name}: one response`);
  }
  t.equal(w.server.count, 0);
});

/** Bodies that contain text like framing or requests, and what the server must read as the body. */
const taken: readonly [name: string, request: string, line: string, body: string][] = [
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PROPFIND'].flatMap((method): [string, string, string, string][] => [
    [
      `${method} with a request as its body`,
      `${method} /x HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      `${method} /x HTTP/1.1`,
      smuggled,
    ],
    [
      `${method} with a request in a chunk`,
      `${method} /x HTTP/1.1\r\n${host}${chunked}\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
      `${method} /x HTTP/1.1`,
      smuggled,
    ],
  ]),
  [
    'chunk data that looks like a last chunk',
    `POST /x HTTP/1.1\r\n${host}${chunked}\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n`,
    'POST /x HTTP/1.1',
    '0\r\n\r\n',
  ],
  [
    'a chunk in pieces',
    `POST /x HTTP/1.1\r\n${host}${chunked}\r\n1;a\r\n0\r\n1;b\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n`,
    'POST /x HTTP/1.1',
    '0\r\n',
  ],
  [
    'a name like Transfer-Encoding',
    `POST /x HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'POST /x HTTP/1.1',
    '0\r\n\r\n',
  ],
  [
    'Connection that nominates Transfer-Encoding, which is hop-by-hop anyway',
    `POST /x HTTP/1.1\r\n${host}Connection: Transfer-Encoding\r\n${chunked}\r\n5\r\nhello\r\n0\r\n\r\n`,
    'POST /x HTTP/1.1',
    'hello',
  ],
  ['leading zeros', `POST /x HTTP/1.1\r\n${host}Content-Length: 0000000000000000005\r\n\r\nhello`, 'POST /x HTTP/1.1', 'hello'],
  ['a path of two slashes', `GET //evil.test/x HTTP/1.1\r\n${host}\r\n`, 'GET //evil.test/x HTTP/1.1', ''],
  ['no length means no body', `POST /x HTTP/1.1\r\n${host}\r\n`, 'POST /x HTTP/1.1', ''],
];

t.test('an accepted request is one request for the server as well, and the next one stays separate', async (t) => {
  for (const [name, request, line, body] of taken) {
    await t.test(name, async (t) => {
      const w = await world(t);
      const { client, server } = await w.asked(`${request}GET /next HTTP/1.1\r\n${host}\r\n`);
      const received = await server.message();
      t.equal(received.line, line);
      t.equal(received.body, body);
      t.equal(server.text, '', 'nothing more until it has responded');
      server.send(request.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n' : ok('one'));
      const first = request.startsWith('HEAD') ? await client.head() : await client.message();
      t.equal(statusOf(first), 200);
      t.equal((await server.message()).line, 'GET /next HTTP/1.1');
      server.send(ok('two'));
      t.equal((await client.message()).body, 'two');
    });
  }
});

t.test('a server that responds to 100-continue with a final status', async (t) => {
  const expecting = `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`;
  await t.test('may not have read the body, which must not become the next request', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting);
    await server.take('smuggled');
    server.send(ok('early'));
    t.equal((await client.message()).body, 'early');
    await server.closed();
    t.equal(w.upstream.pool.open, 0, 'its connection is not used again');
    client.send(`GET /next HTTP/1.1\r\n${host}\r\n`);
    const fresh = await w.server.next();
    t.equal((await fresh.message()).line, 'GET /next HTTP/1.1');
    fresh.send(ok('next'));
    t.equal((await client.message()).body, 'next');
  });
  await t.test('has read the body if it sent 100 first', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(expecting);
    await server.head();
    server.send('HTTP/1.1 100 Continue\r\n\r\n');
    t.equal(statusOf(await client.head()), 100);
    await server.take(smuggled);
    server.send(ok('late'));
    t.equal((await client.message()).body, 'late');
    t.equal(w.upstream.pool.idle, 1);
  });
});

/** Responses followed by a second one, which must reach no client. */
const split: readonly [name: string, request: string, response: string, first: string | undefined][] = [
  ['a body with 100', 'POST', 'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello', undefined],
  ['chunks with 103', 'GET', 'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', undefined],
  ['a list of lengths', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello', undefined],
  ['two equal lengths', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello', undefined],
  ['a length behind a form feed', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: \f5\r\n\r\nhello', undefined],
  ['chunked twice', 'GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', undefined],
  [
    'Connection that nominates Content-Length',
    'GET',
    'HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok',
    undefined,
  ],
  ['a field after a lone CR', 'GET', 'HTTP/1.1 200 OK\r\nX: y\rContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello', undefined],
  ['205 with a body', 'GET', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['chunks in response to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', ''],
  ['204 with chunks', 'GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', ''],
  ['a second response', 'GET', `${ok('hello')}`, 'hello'],
];

t.test('octets beyond a response reach no client', async (t) => {
  for (const [name, method, response, first] of split) {
    await t.test(name, async (t) => {
      const w = await world(t);
      const { client, server } = await w.asked(`${method} / HTTP/1.1\r\n${host}\r\n`);
      await server.message();
      server.send(`${response}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
      let answer = method === 'HEAD' || first === '' ? await client.head() : await client.message();
      while (statusOf(answer) < 200) answer = await client.message();
      t.equal(statusOf(answer), first === undefined ? 502 : Number(response.split(' ')[1]));
      if (first !== undefined) t.equal(answer.body, first);
      await server.closed();
      t.equal(w.upstream.pool.open, 0);
      t.notMatch(client.text, 'poison');
      client.send(`GET /next HTTP/1.1\r\n${host}\r\n`);
      const fresh = await w.server.next();
      t.equal((await fresh.message()).line, 'GET /next HTTP/1.1');
      fresh.send(ok('next'));
      t.equal((await client.message()).body, 'next');
    });
  }
});
