import t from 'tap';
import { ChunkedDecoder } from '../../src/http1/message/chunked-decoder.ts';
import { fieldIds } from '../../src/http1/message/field-ids.ts';
import { readChunked } from './reading.ts';

const end = '0\r\n\r\n';

t.test('accepted bodies, and where they end', (t) => {
  const accepted: [text: string, body: string][] = [
    [end, ''],
    [`5\r\nhello\r\n${end}`, 'hello'],
    [`5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n${end}`, 'hello world'],
    [`A\r\n0123456789\r\n${end}`, '0123456789'],
    [`a\r\n0123456789\r\n${end}`, '0123456789'],
    [`0000000000000005\r\nhello\r\n${end}`, 'hello'],
    ['5\r\nhello\r\n0000\r\n\r\n', 'hello'],
    [`2\r\n\r\n\r\n${end}`, '\r\n'],
    [`7\r\n0\r\n\r\n0\r\r\n${end}`, '0\r\n\r\n0\r'],
    [`5;a\r\nhello\r\n${end}`, 'hello'],
    [`5;a=b;c\r\nhello\r\n0;last\r\n\r\n`, 'hello'],
    [`5 ;\ta =\tb ; c \t; d="e \\"f\\\\ ;\t\xe4"\r\nhello\r\n${end}`, 'hello'],
    [`5;a=""\r\nhello\r\n${end}`, 'hello'],
    [`5;${'x'.repeat(1000)}\r\nhello\r\n${end}`, 'hello'],
    ['0\r\nX-Sum: 1\r\ny:\r\n\r\n', ''],
  ];
  for (const [text, body] of accepted) {
    for (const cuts of [[], Array.from(text, (_, index) => index)]) {
      const answer = readChunked(`${text}GET / `, cuts);
      t.match(answer, { body, consumed: text.length, done: true, code: undefined }, JSON.stringify(text.slice(0, 60)));
    }
  }
  t.end();
});

t.test('refused bodies, and their faults', (t) => {
  const refused: [text: string, code: string][] = [
    ['\r\n', 'bad-chunk-size'],
    [' 5\r\n', 'bad-chunk-size'],
    ['g\r\n', 'bad-chunk-size'],
    ['0x5\r\n', 'bad-chunk-size'],
    ['+5\r\n', 'bad-chunk-size'],
    ['-5\r\n', 'bad-chunk-size'],
    ['5.\r\n', 'bad-chunk-size'],
    ['5_0\r\n', 'bad-chunk-size'],
    ['5\0\r\n', 'bad-chunk-size'],
    [';a\r\n', 'bad-chunk-size'],
    ['20000000000000\r\n', 'bad-chunk-size'],
    ['FFFFFFFFFFFFFFFF\r\n', 'bad-chunk-size'],
    ['00000000000000005\r\n', 'bad-chunk-size'],
    ['5\nhello\r\n', 'bare-line-feed'],
    ['5\rhello\r\n', 'bare-carriage-return'],
    ['5\r\r\n', 'bare-carriage-return'],
    ['5 \r\nhello\r\n', 'bad-chunk-extension'],
    ['5;\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a=\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;=b\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a b\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a \r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a="b\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a="b"c\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a="\\\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a="\0"\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a\0\r\nhello\r\n', 'bad-chunk-extension'],
    ['5;a\nhello\r\n', 'bare-line-feed'],
    ['5;a="\nhello\r\n', 'bare-line-feed'],
    ['5;a\rhello\r\n', 'bare-carriage-return'],
    [`5;${'x'.repeat(1024)}`, 'chunk-extensions-too-long'],
    [`1;${'x'.repeat(1000)}\r\n0\r\n`.repeat(17), 'chunk-extensions-too-long'],
    ['5\r\nhello!\r\n', 'bad-chunk-end'],
    ['5\r\nhello\n', 'bad-chunk-end'],
    ['5\r\nhello\rX', 'bad-chunk-end'],
    ['5\r\nhello0\r\n\r\n', 'bad-chunk-end'],
    ['0\r\n\n', 'bare-line-feed'],
    ['0\r\n\rX', 'bare-carriage-return'],
    ['0\r\n X: y\r\n\r\n', 'leading-space'],
    ['0\r\nX: y\r\n z\r\n\r\n', 'folded-line'],
    ['0\r\nX : y\r\n\r\n', 'space-before-colon'],
    ['0\r\nX\r\n\r\n', 'bad-field-name'],
    ['0\r\nX: \0\r\n\r\n', 'bad-field-value'],
    ['0\r\nX: y\n\r\n', 'bare-line-feed'],
    ['0\r\nX: y\r\ncontent-length: 5\r\n\r\n', 'forbidden-trailer'],
    ['0\r\nTransfer-Encoding: chunked\r\n\r\n', 'forbidden-trailer'],
    ['0\r\nHost: b\r\n\r\n', 'forbidden-trailer'],
    [`0\r\n${'X: y\r\n'.repeat(33)}\r\n`, 'trailers-too-large'],
    [`0\r\nX: ${'y'.repeat(8200)}`, 'trailers-too-large'],
    [`0\r\nX: ${'y'.repeat(8200)}\r\n\r\n`, 'trailers-too-large'],
  ];
  for (const [text, code] of refused) {
    for (const cuts of [[], Array.from(text, (_, index) => index)]) {
      t.match(readChunked(text, cuts), { code, done: false }, JSON.stringify(text.slice(0, 60)));
    }
  }
  t.end();
});

t.test('fields that must not be trailers are struck', (t) => {
  const { trailers } = readChunked('0\r\nX-Sum: 1\r\nSet-Cookie: a\r\nConnection: b\r\nETag: "x"\r\nAuthorization: y\r\n\r\n');
  t.ok(trailers);
  if (trailers === undefined) return t.end();
  const kept = trailers.entries().filter((_, line) => trailers.id(line) >= 0);
  t.strictSame(kept, [
    ['X-Sum', '1'],
    ['ETag', '"x"'],
  ]);
  t.equal(trailers.id(1), fieldIds.struck);
  t.equal(trailers.text(trailers.start(0), trailers.start(1)), 'X-Sum: 1\r\n');
  t.equal(readChunked(end).trailers, undefined);
  t.end();
});

t.test('the largest size, and a decoder that is reused', (t) => {
  const decoder = new ChunkedDecoder();
  const pieces: string[] = [];
  const sink = { data: (buffer: Buffer, from: number, to: number) => void pieces.push(buffer.toString('latin1', from, to)) };
  const decode = (text: string) => decoder.decode(Buffer.from(text), 0, text.length, sink);
  t.equal(decode('1FFFFFFFFFFFFF\r\nabc'), 19);
  t.notOk(decoder.done);
  decoder.reset();
  t.equal(decode(`2\r\nde\r\n0\r\nX: y\r\n\r\nmore`), 18);
  t.ok(decoder.done);
  t.ok(decoder.trailers);
  t.equal(decode('more'), 0, 'no octets after the end');
  decoder.reset();
  t.equal(decoder.trailers, undefined);
  t.equal(decode('x'), -1);
  t.equal(decode(end), -1, 'a fault is final');
  t.equal(decoder.fault?.code, 'bad-chunk-size');
  decoder.reset();
  t.equal(decode(end), 5);
  t.strictSame(pieces, ['abc', 'de']);
  t.end();
});
