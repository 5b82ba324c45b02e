import t from 'tap';
import { strikeNominated } from '../../src/http1/message/connection-options.ts';
import { fieldIdOf, fieldIds } from '../../src/http1/message/field-ids.ts';
import { isHost } from '../../src/http1/message/host.ts';
import { WordSearch } from '../../src/http1/message/word-search.ts';
import { readChunked, readRequest } from './reading.ts';

const idOf = (name: string) => fieldIdOf(Buffer.from(`:${name}:`, 'latin1'), 1, 1 + name.length);

t.test('every known name has its id, in any case', (t) => {
  const ids = Object.values(fieldIds);
  t.equal(new Set(ids).size, ids.length, 'no id twice');
  for (const [name, id] of Object.entries(fieldIds)) {
    if (id === fieldIds.struck) continue;
    t.equal(idOf(name), id, name);
    t.equal(idOf(name.toUpperCase()), id);
    t.equal(idOf(`${name}x`), 0);
    t.equal(idOf(name.slice(1)), 0);
    t.equal(idOf(`${name.slice(0, -1)}~`), 0);
  }
  t.end();
});

t.test('other names have no id', (t) => {
  for (const name of ['struck', 'accept', 'x', 'user-agent', 'cookies', 'host ', 'H\xf3st', 'transfer_encoding', 'x'.repeat(5000)])
    t.equal(idOf(name), 0, name.slice(0, 20));
  t.end();
});

const get = 'GET / HTTP/1.1\r\nHost: a\r\n';

t.test('hop-by-hop and nominated fields are not forwarded', (t) => {
  const { head } = readRequest(
    `${get}Connection: Foo, close\r\nfOO: 1\r\nFoo2: 2\r\nKeep-Alive: 3\r\nProxy-Connection: 4\r\nTE: 5\r\nTransfer-Encoding: chunked\r\nUpgrade: 7\r\n` +
      'Close: 8\r\nHTTP2-Settings: 9\r\nCookie: 10\r\nconnection: b^r, ,age\r\nb^r: 11\r\nb~r: 12\r\nAge: 13\r\nTrailer: 14\r\n\r\n',
  );
  const kept = head.fields.entries().filter((_, line) => head.fields.id(line) >= 0);
  t.strictSame(
    kept.map(([name]) => name),
    ['Host', 'Foo2', 'Cookie', 'b~r', 'Trailer'],
  );
  t.strictSame(head.nominated, ['foo', 'b^r', 'age']);
  t.equal(head.keepAlive, false);
  t.equal(head.fields.get('foo'), '1', 'struck lines can still be read');
  t.end();
});

t.test('protected fields cannot be nominated, others can', (t) => {
  for (const [name, id] of Object.entries(fieldIds)) {
    if (id < 1 || id > fieldIds['content-type']) continue;
    t.match(readRequest(`${get}Connection: close, ${name.toUpperCase()}\r\n\r\n`), { code: 'protected-nomination', status: 400 }, name);
  }
  for (const name of ['transfer-encoding', 'te', 'trailer', 'proxy-authorization', 'x-anything', 'upgrade-insecure-requests']) {
    t.ok(readRequest(`${get}Connection: ${name}\r\n\r\n`).consumed > 0, name);
  }
  t.end();
});

t.test('nominated trailers are struck', (t) => {
  const { head } = readRequest(`${get}Connection: foo\r\n\r\n`);
  const { trailers } = readChunked('0\r\nFoo: 1\r\nBar: 2\r\nFOO: 3\r\n\r\n');
  if (trailers === undefined) throw new Error('no trailers');
  strikeNominated(trailers, head.nominated);
  t.strictSame(
    [0, 1, 2].map((line) => trailers.id(line)),
    [-1, 0, -1],
  );
  t.end();
});

const accepts = (text: string) => isHost(Buffer.from(`x${text}y`, 'latin1'), 1, 1 + text.length);

t.test('valid hosts', (t) => {
  for (const text of [
    'a',
    'localhost',
    'API.example.com',
    'a_b.example.com.',
    'xn--bcher-kva.example',
    '127.0.0.1',
    '127.0.0.1:80',
    'a:',
    'a:0',
    'a:65535',
    'a:00080',
    '[::1]',
    '[::1]:8080',
    '[2001:DB8::a:1]:1',
    '[::ffff:10.0.0.1]',
    'a%2db',
    'a%2D',
    "a!$&'()*+,;=~b",
  ]) {
    t.equal(accepts(text), true, text);
  }
  t.end();
});

t.test('invalid hosts', (t) => {
  for (const text of [
    '',
    ':',
    ':80',
    'a:b',
    'a:-1',
    'a:+1',
    'a:65536',
    'a:80:80',
    'a:80 ',
    'a b',
    'a/',
    'a?',
    'a#b',
    'a\\b',
    'user@a',
    'user:pw@a',
    'a"b',
    'a<b',
    'a[b]',
    'a%',
    'a%2',
    'a%zz',
    'a|b',
    'a^b',
    'a`b',
    'a{b}',
    '\xe4',
    'a\0',
    '[::1',
    '[]',
    '[::1]80',
    '[::1]a',
    '[127.0.0.1]',
    '[::g]',
    '[1::2::3]',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[v1.a]',
    '::1',
    ']',
    '[:::1]',
  ]) {
    t.equal(accepts(text), false, text);
  }
  t.end();
});

t.test('a word is found wherever it is, and only within its bounds', async (t) => {
  const search = new WordSearch('ana');
  for (const [text, at] of [
    ['', -1],
    ['an', -1],
    ['ana', 0],
    ['banana', 1],
    ['xxanxana', 5],
    ['annanana', 3],
    ['xxxxxxan', -1],
  ] as const)
    t.equal(search.indexIn(Buffer.from(text), 0, text.length), at, text);
  t.equal(search.indexIn(Buffer.from('banana'), 2, 6), 3);
  t.equal(search.indexIn(Buffer.from('banana'), 2, 5), -1);
});
