import t from 'tap';
import { readText, sampleLog } from '../../bench/replay/access-log.ts';
import { RequestHead } from '../../src/http1/message/request-head.ts';
import { parseRequestHead } from '../../src/http1/message/request-parser.ts';
import { limits, meaning, readRequest } from './reading.ts';

const host = 'Host: a.example\r\n';
const get = `GET / HTTP/1.1\r\n${host}`;
const post = `POST / HTTP/1.1\r\n${host}`;

t.test('a simple request', (t) => {
  const text = 'GET /pets?limit=5 HTTP/1.1\r\nHost: API.Example.com:8080\r\naccept: */*\r\nX-Empty:\r\nAccept:\t text/plain \t\r\n\r\n';
  const { consumed, head } = readRequest(`${text}GET /next`);
  t.equal(consumed, text.length);
  t.match(meaning(head), {
    method: 'GET',
    safe: true,
    idempotent: true,
    minor: 1,
    contentLength: -1,
    chunked: false,
    keepAlive: true,
    upgrade: false,
    expectContinue: false,
    acceptsTrailers: false,
    nominated: [],
    lineVerbatim: true,
    absolute: false,
    target: '/pets?limit=5',
    authority: 'api.example.com:8080',
    hostLine: 0,
  });
  const { fields } = head;
  t.equal(fields.get('ACCEPT'), '*/*, text/plain');
  t.strictSame(fields.all('accept'), ['*/*', 'text/plain']);
  t.equal(fields.get('x-empty'), '');
  t.equal(fields.get('x-none'), undefined);
  t.strictSame(fields.entries(), [
    ['Host', 'API.Example.com:8080'],
    ['accept', '*/*'],
    ['X-Empty', ''],
    ['Accept', 'text/plain'],
  ]);
  t.equal(fields.text(fields.start(1), fields.start(3)), 'accept: */*\r\nX-Empty:\r\n', 'runs of lines are whole');
  t.equal(fields.text(fields.start(3), fields.start(4)), 'Accept:\t text/plain \t\r\n');
  t.end();
});

t.test('refused heads, and their faults', (t) => {
  const refused: [text: string, code: string, status?: number][] = [
    // Request line
    ['\n', 'bare-line-feed'],
    ['\r\n\nGET / HTTP/1.1\r\n', 'bare-line-feed'],
    ['\rGET / HTTP/1.1\r\n', 'bare-carriage-return'],
    [`${'\r\n'.repeat(5)}${get}\r\n`, 'bad-method'],
    [` ${get}\r\n`, 'bad-method'],
    ['\x16\x03\x01\x02\x00\x01', 'bad-method'],
    ['G\0T / HTTP/1.1\r\n', 'bad-method'],
    ['GET\t/ HTTP/1.1\r\n', 'bad-method'],
    ['GET\r\n', 'bad-method'],
    ['GE(T / HTTP/1.1\r\n', 'bad-method'],
    [`${'M'.repeat(33)} / HTTP/1.1\r\n`, 'unknown-method', 501],
    ['M'.repeat(33), 'unknown-method', 501],
    ['CONNECT a.example:443 HTTP/1.1\r\n', 'connect-not-supported', 501],
    ['CONNECT / HTTP/1.1\r\n', 'connect-not-supported', 501],
    ['connect / HTTP/1.1\r\n', 'connect-not-supported', 501],
    ['Connect a.example:443 HTTP/1.1\r\n', 'connect-not-supported', 501],
    ['head / HTTP/1.1\r\n', 'bad-method', 400],
    ['Head / HTTP/1.1\r\n', 'bad-method', 400],
    ['GET  / HTTP/1.1\r\n', 'bad-target'],
    ['GET /\r\n', 'bad-target'],
    ['GET\r /\r\n', 'bad-method'],
    ['GET /a b HTTP/1.1\r\n', 'bad-version'],
    ['GET /a\tb HTTP/1.1\r\n', 'bad-target'],
    ['GET /a\0b HTTP/1.1\r\n', 'bad-target'],
    ['GET /a#b HTTP/1.1\r\n', 'bad-target'],
    ['GET /\xe4 HTTP/1.1\r\n', 'bad-target'],
    ['GET /\x7f HTTP/1.1\r\n', 'bad-target'],
    ['GET a HTTP/1.1\r\n', 'bad-target'],
    ['GET ?a HTTP/1.1\r\n', 'bad-target'],
    ['GET * HTTP/1.1\r\n', 'bad-target'],
    ['OPTIONS ** HTTP/1.1\r\n', 'bad-target'],
    ['GET a.example:80 HTTP/1.1\r\n', 'bad-target'],
    ['GET http:/// HTTP/1.1\r\n', 'bad-target'],
    ['GET http:// HTTP/1.1\r\n', 'bad-target'],
    ['GET http://?a HTTP/1.1\r\n', 'bad-target'],
    ['GET http://:80/ HTTP/1.1\r\n', 'bad-target'],
    ['GET http://user@a.example/ HTTP/1.1\r\n', 'bad-target'],
    ['GET http://a\\b/ HTTP/1.1\r\n', 'bad-target'],
    ['GET ftp://a.example/ HTTP/1.1\r\n', 'bad-target'],
    ['GET https://a.example/ HTTP/1.1\r\n', 'misdirected', 421],
    ['GET / HTTP/1.1 \r\n', 'bad-version'],
    ['GET /  HTTP/1.1\r\n', 'bad-version'],
    ['GET / http/1.1\r\n', 'bad-version'],
    ['GET / HTTP/1.10\r\n', 'bad-version'],
    ['GET / HTTP/11\r\n', 'bad-version'],
    ['GET / HTTP/1,1\r\n', 'bad-version'],
    ['GET / HTTP/1.\r\n', 'bad-version'],
    ['GET / HTTPS/1.1\r\n', 'bad-version'],
    ['GET / \r\n', 'bad-version'],
    ['GET / HTTP/0.9\r\n', 'unsupported-version', 505],
    ['GET / HTTP/2.0\r\n', 'unsupported-version', 505],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'unsupported-version', 505],
    ['GET / HTTP/1.1\n', 'bare-line-feed'],
    ['GET / HTTP/1.1\rX', 'bare-carriage-return'],
    ['GET / HTTP/1.1\r\r\n', 'bare-carriage-return'],

    // Field lines
    ['GET / HTTP/1.1\r\n Host: a\r\n', 'leading-space'],
    ['GET / HTTP/1.1\r\n\tHost: a\r\n', 'leading-space'],
    [`${get}X: a\r\n b\r\n`, 'folded-line'],
    [`${get}X: a\r\n\tb\r\n`, 'folded-line'],
    [`${get} \r\n\r\n`, 'folded-line'],
    [`${get}X : a\r\n`, 'space-before-colon'],
    [`${get}X\t: a\r\n`, 'space-before-colon'],
    [`${get}X a: a\r\n`, 'space-before-colon'],
    [`${get}: a\r\n`, 'bad-field-name'],
    [`${get}X\r\n`, 'bad-field-name'],
    [`${get}X\r: a\r\n`, 'bad-field-name'],
    [`${get}X\0: a\r\n`, 'bad-field-name'],
    [`${get}X(: a\r\n`, 'bad-field-name'],
    [`${get}"X": a\r\n`, 'bad-field-name'],
    [`${get}\xe4: a\r\n`, 'bad-field-name'],
    [`${get}X\n: a\r\n`, 'bare-line-feed'],
    [`${get}\n`, 'bare-line-feed'],
    [`${get}X: a\nY: b\r\n`, 'bare-line-feed'],
    [`${get}X: a\rY: b\r\n`, 'bare-carriage-return'],
    [`${get}X: a\r\r\n`, 'bare-carriage-return'],
    [`${get}\rX`, 'bare-carriage-return'],
    [`${get}X: a\0b\r\n`, 'bad-field-value'],
    [`${get}X: \x01\r\n`, 'bad-field-value'],
    [`${get}X: a\x7f\r\n`, 'bad-field-value'],
    [`${get}X: a\x0bb\r\n`, 'bad-field-value'],

    // Host
    ['GET / HTTP/1.1\r\n\r\n', 'missing-host'],
    ['GET http://a.example/ HTTP/1.1\r\n\r\n', 'missing-host'],
    [`${get}Host: a.example\r\n`, 'repeated-host'],
    ['GET / HTTP/1.0\r\nHost: a\r\nhOST: a\r\n', 'repeated-host'],
    ['GET / HTTP/1.1\r\nHost: a b\r\n', 'bad-host'],
    ['GET / HTTP/1.1\r\nHost: a/b\r\n', 'bad-host'],
    ['GET / HTTP/1.1\r\nHost: u@a\r\n', 'bad-host'],
    ['GET / HTTP/1.1\r\nHost: a:b\r\n', 'bad-host'],
    ['GET / HTTP/1.1\r\nHost: http://a\r\n', 'bad-host'],
    ['GET / HTTP/1.0\r\nHost: a?b\r\n', 'bad-host'],
    ['GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n', 'bad-host'],

    // Framing
    [`${post}Content-Length: 5\r\nContent-Length: 5\r\n`, 'repeated-content-length'],
    [`${post}Content-Length: 5\r\ncontent-length: 6\r\n`, 'repeated-content-length'],
    [`${post}Content-Length: 5, 5\r\n`, 'bad-content-length'],
    [`${post}Content-Length:\r\n`, 'bad-content-length'],
    [`${post}Content-Length: -1\r\n`, 'bad-content-length'],
    [`${post}Content-Length: +5\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 0x5\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 5 5\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 5.0\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 1e3\r\n`, 'bad-content-length'],
    [`${post}Content-Length: "5"\r\n`, 'bad-content-length'],
    [`${post}Content-Length: \xb2\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 9007199254740992\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 18446744073709551621\r\n`, 'bad-content-length'],
    [`${post}Content-Length: ${'9'.repeat(400)}\r\n`, 'bad-content-length'],
    [`${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 'conflicting-length'],
    [`${post}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`, 'conflicting-length'],
    [`POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n`, 'coding-in-http-1.0'],
    [`${post}Transfer-Encoding:\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: gzip\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: identity\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: xchunked\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunkedx\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked;a=b\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: "chunked"\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chun ked\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked,\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: , chunked\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked, chunked\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked, gzip\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n`, 'bad-transfer-encoding'],
    [`${post}Transfer-Encoding: chunked\x0b\r\n\r\n`, 'bad-field-value'],
    [`${post}Transfer-Encoding : chunked\r\n\r\n`, 'space-before-colon'],
    [`${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'unknown-coding', 501],
    [`${post}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`, 'unknown-coding', 501],

    // Others
    [`${post}Expect: 200-ok\r\n`, 'unknown-expectation', 417],
    [`${post}Expect: 100-continue, 200-ok\r\n`, 'unknown-expectation', 417],
    [`${get}Connection: a b\r\n\r\n`, 'bad-connection'],
    [`${get}Connection: "close"\r\n\r\n`, 'bad-connection'],
    [`${get}Connection: ${Array.from({ length: 33 }, (_, index) => `x${index}`).join(',')}\r\n\r\n`, 'bad-connection'],
  ];
  for (const [text, code, status = 400] of refused) {
    const answer = readRequest(text);
    t.match(answer, { consumed: -1, code, status }, JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text));
  }
  t.end();
});

t.test('an invalid line is refused before the head is complete, a valid one is not', (t) => {
  t.equal(readRequest(`${get}X: a\n`).code, 'bare-line-feed');
  t.equal(readRequest(`${get}Host: b\r\nX`).code, 'repeated-host');
  t.equal(readRequest(`${get}Content-Length: x\r\n`).code, 'bad-content-length');
  t.equal(readRequest(get).consumed, 0);
  t.equal(readRequest('GET / HTTP/1.1\r\nX: y\r\n').consumed, 0, 'Host may still arrive');
  t.equal(readRequest(`${post}Transfer-Encoding: gzip\r\n`).consumed, 0, 'chunked may still arrive');
  t.equal(readRequest('').consumed, 0);
  t.equal(readRequest('\r\n\r\n').consumed, 0);
  t.end();
});

t.test('limits of a head', (t) => {
  const exact = `${get}X: ${'x'.repeat(50)}\r\n\r\n`;
  t.equal(readRequest(exact, { headBytes: exact.length }).consumed, exact.length);
  t.match(readRequest(exact, { headBytes: exact.length - 1 }), { code: 'head-too-large', status: 431 });
  t.equal(readRequest(exact.slice(0, -3), { headBytes: exact.length }).consumed, 0);
  t.match(readRequest(`${get}X: ${'x'.repeat(400)}`, { headBytes: 300 }), { code: 'head-too-large' }, 'before its line ends');

  const target = (length: number) => `GET /${'a'.repeat(length - 1)} HTTP/1.1\r\n${host}\r\n`;
  t.ok(readRequest(target(100), { targetBytes: 100 }).consumed > 0);
  t.match(readRequest(target(101), { targetBytes: 100 }), { code: 'target-too-long', status: 414 });
  t.match(readRequest(`GET /${'a'.repeat(100)}`, { targetBytes: 100 }), { code: 'target-too-long' }, 'before the target ends');
  t.equal(readRequest(`GET /${'a'.repeat(99)}`, { targetBytes: 100 }).consumed, 0);
  t.match(readRequest(`GET /${'a'.repeat(99)}`, { headBytes: 50 }), { code: 'target-too-long' }, 'a request line larger than any head');

  const fields = (count: number) => `${get}${'X: y\r\n'.repeat(count - 1)}\r\n`;
  t.ok(readRequest(fields(128)).consumed > 0);
  t.match(readRequest(fields(129)), { code: 'too-many-fields', status: 431 });
  t.match(readRequest(fields(5), { fields: 4 }), { code: 'too-many-fields' });
  t.match(readRequest(fields(129), { fields: 1000 }), { code: 'too-many-fields' }, 'never more than the head object has room for');
  t.end();
});

t.test('accepted heads', (t) => {
  const accepted: [text: string, expected: object][] = [
    [`\r\n\r\n${get}\r\n`, { method: 'GET', target: '/' }],
    [`M-SEARCH /a HTTP/1.1\r\n${host}\r\n`, { method: 'M-SEARCH', safe: false, idempotent: false }],
    [`get / HTTP/1.1\r\n${host}\r\n`, { method: 'get', safe: false, idempotent: false }],
    [`PUT / HTTP/1.1\r\n${host}\r\n`, { method: 'PUT', safe: false, idempotent: true }],
    [`PATCH / HTTP/1.1\r\n${host}\r\n`, { method: 'PATCH', safe: false, idempotent: false }],
    [`TRACE / HTTP/1.1\r\n${host}\r\n`, { method: 'TRACE', safe: true, idempotent: true }],
    [`GET / HTTP/1.2\r\n${host}\r\n`, { minor: 1, lineVerbatim: false }],
    ['GET / HTTP/1.0\r\n\r\n', { minor: 0, keepAlive: false, authority: '', hostLine: -1, lineVerbatim: false }],
    ['GET / HTTP/1.1\r\nHost:\r\n\r\n', { authority: '' }],
    ['GET / HTTP/1.1\r\nHost: EXAMPLE.com:\r\n\r\n', { authority: 'example.com' }],
    [`GET //a?b=%zz&c="<>\\^\`{|}' HTTP/1.1\r\n${host}\r\n`, { target: `//a?b=%zz&c="<>\\^\`{|}'` }],

    [`OPTIONS * HTTP/1.1\r\n${host}\r\n`, { target: '*', authority: 'a.example', lineVerbatim: true }],
    [`GET http://B.example:81/p?q HTTP/1.1\r\n${host}\r\n`, { target: '/p?q', authority: 'b.example:81', absolute: true, hostLine: 0 }],
    [`GET HTTP://b.example HTTP/1.1\r\n${host}\r\n`, { target: '/', authority: 'b.example', absolute: true, lineVerbatim: false }],
    [`GET http://b?x=/ HTTP/1.1\r\n${host}\r\n`, { target: '/?x=/', authority: 'b' }],
    [`OPTIONS http://b.example:80 HTTP/1.1\r\n${host}\r\n`, { target: '*', authority: 'b.example:80' }],
    [`OPTIONS http://b.example/ HTTP/1.1\r\n${host}\r\n`, { target: '/', authority: 'b.example' }],
    [`OPTIONS http://b.example?x HTTP/1.1\r\n${host}\r\n`, { target: '/?x', authority: 'b.example' }],
    ['GET http://[::1]:80 HTTP/1.1\r\nHost:\r\n\r\n', { target: '/', authority: '[::1]:80' }],
    ['GET http://b/ HTTP/1.0\r\n\r\n', { target: '/', authority: 'b', hostLine: -1 }],

    [`${post}Content-Length: 0\r\n\r\n`, { contentLength: 0 }],
    [`${post}Content-Length: \t007 \r\n\r\n`, { contentLength: 7 }],
    [`${post}content-LENGTH:9007199254740991\r\n\r\n`, { contentLength: Number.MAX_SAFE_INTEGER }],
    [`${post}Transfer-Encoding: Chunked\r\n\r\n`, { chunked: true, contentLength: -1 }],
    [`${post}transfer-encoding:\tchunked\t\r\n\r\n`, { chunked: true }],

    [`${get}Connection: close\r\n\r\n`, { keepAlive: false }],
    [`${get}Connection: CLOSE, foo\r\n\r\n`, { keepAlive: false, nominated: ['foo'] }],
    [`${get}Connection: keep-alive\r\nConnection: close\r\n\r\n`, { keepAlive: false }],
    [`${get}Connection:\r\n\r\n`, { keepAlive: true }],
    [`${get}Connection: ,, keep-alive ,\r\n\r\n`, { keepAlive: true }],
    ['GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', { keepAlive: true }],
    ['GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n', { keepAlive: false }],

    [`${get}Connection: close, Upgrade , keep-alive\r\nUpgrade: websocket\r\n\r\n`, { upgrade: true }],
    [`${get}Upgrade: websocket\r\n\r\n`, { upgrade: false }],
    [`${get}Connection: upgrade\r\n\r\n`, { upgrade: false }],
    ['GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n', { upgrade: false }],

    [`${post}Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n`, { expectContinue: true }],
    [`${post}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n`, { expectContinue: true }],
    [`${post}Expect: 100-continue\r\n\r\n`, { expectContinue: false }],
    ['POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', { expectContinue: false }],

    [`${get}TE: trailers\r\n\r\n`, { acceptsTrailers: true }],
    [`${get}TE: deflate;q=0.5, Trailers\r\n\r\n`, { acceptsTrailers: true }],
    [`${get}TE: trailersx\r\n\r\n`, { acceptsTrailers: false }],
    [`${get}TE: deflate\r\n\r\n`, { acceptsTrailers: false }],
  ];
  for (const [text, expected] of accepted) {
    const { consumed, head, code } = readRequest(text);
    t.equal(consumed, text.length, `${JSON.stringify(text)} ${code ?? ''}`);
    t.match(meaning(head), expected);
  }
  t.end();
});

t.test('every octet is accepted where it is allowed, and nowhere else', (t) => {
  const tokens = /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/;
  for (let octet = 0; octet < 256; octet++) {
    const member = String.fromCharCode(octet);
    const label = `0x${octet.toString(16)}`;
    const token = tokens.test(member);
    const accepts = (text: string) => readRequest(text).consumed === text.length;
    t.equal(accepts(`G${member}T / HTTP/1.1\r\n${host}\r\n`), token, `method ${label}`);
    t.equal(accepts(`${get}x${member}y: z\r\n\r\n`), token || member === ':', `name ${label}`);
    t.equal(accepts(`${get}x: y${member}z\r\n\r\n`), octet === 9 || (octet >= 32 && octet !== 127), `value ${label}`);
    t.equal(accepts(`GET /a${member}b HTTP/1.1\r\n${host}\r\n`), octet > 32 && octet < 127 && member !== '#', `target ${label}`);
  }
  t.end();
});

t.test('one head object serves many messages', (t) => {
  const head = new RequestHead();
  const read = (text: string) => {
    const buffer = Buffer.from(text, 'latin1');
    t.equal(parseRequestHead(head, buffer, 0, buffer.length, limits), buffer.length);
    return meaning(head);
  };
  const plain = `${get}\r\n`;
  const before = read(plain);
  read('POST http://b?x HTTP/1.0\r\nHost: c\r\nConnection: foo, keep-alive\r\nTE: trailers\r\nContent-Length: 5\r\nFoo: 1\r\n\r\n');
  t.strictSame(read(plain), before);
  read(`${post}Connection: upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n`);
  t.strictSame(read(plain), before);
  t.equal(head.authority(), 'a.example');
  read('GET / HTTP/1.1\r\nHost: b.example\r\n\r\n');
  t.equal(head.authority(), 'b.example', 'the same length, another host');
  t.end();
});

t.test('a head without fields still has a start line', (t) => {
  const head = new RequestHead();
  for (const text of ['GET /a HTTP/1.1\r\nHost: a\r\n\r\n', '\r\nGET / HTTP/1.0\r\n\r\n']) {
    parseRequestHead(head, Buffer.from(text), 0, text.length, limits);
    t.equal(head.fields.text(0, head.fields.start(0)), text.slice(0, text.lastIndexOf('HTTP') + 10));
  }
  t.equal(head.fields.count, 0);
  t.end();
});

t.test('a retained head stays valid when its buffer is overwritten', (t) => {
  for (const [length, path] of [
    [10, '/'],
    [20_000, '/long'],
  ] as const) {
    const text = `GET http://H${path === '/' ? '' : path}?q HTTP/1.1\r\nHost: i\r\nX: ${'x'.repeat(length)}\r\nY: z\r\n\r\n`;
    const { head, consumed } = readRequest(text);
    t.equal(consumed, text.length);
    const before = meaning(head);
    const source = head.fields.bytes;
    head.retain();
    source.fill(0x2a);
    t.strictSame(meaning(head), before);
    t.equal(head.fields.text(head.fields.start(2), head.fields.start(3)), 'Y: z\r\n');
  }
  t.end();
});

t.test('the requests in the access log of a real site', (t) => {
  let read = 0;
  for (const line of readText(sampleLog).split('\n')) {
    const request = /"([A-Z]+ \S+ HTTP\/1\.[01])"/.exec(line)?.[1];
    if (request === undefined) continue;
    const answer = readRequest(`${request}\r\n${host}\r\n`);
    if (answer.consumed <= 0) t.fail(`${request}: ${answer.code}`);
    read++;
  }
  t.equal(read, 10_000);
  t.end();
});
