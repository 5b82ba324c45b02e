import t from 'tap';
import { strikeNominated } from '../../src/http1/message/connection-options.ts';
import { fieldIds } from '../../src/http1/message/field-ids.ts';
import { readChunked, readRequest } from './reading.ts';

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
