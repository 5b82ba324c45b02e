import { test } from 'tap';
import { responseStatus } from '../../src/health/response-status.ts';

const table: readonly (readonly [string, ReturnType<typeof responseStatus>])[] = [
  ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 200],
  ['HTTP/1.0 204 No Content\r\n\r\nand more', 204],
  ['HTTP/1.1 503\r\n\r\n', 503],
  ['HTTP/1.1 200 OK\nserver: old\n\n', 200],
  ['HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n', 404],
  ['HTTP/1.1 100 Continue\r\n\r\n', undefined],
  ['HTTP/1.1 100 Continue\r\n\r\nSSH-2.0', 'malformed'],
  ['', undefined],
  ['HT', undefined],
  ['HTTP/1.1 200 OK\r\n', undefined],
  ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'malformed'],
  ['HTTP/2 200\r\n\r\n', 'malformed'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'malformed'],
  ['HTTP/1.1 099 No\r\n\r\n', 'malformed'],
  ['HTTP/1.1  200 OK\r\n\r\n', 'malformed'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'malformed'],
  [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`, 'malformed'],
];

for (const [text, expected] of table) {
  test(`${JSON.stringify(text.slice(0, 60))} → ${expected}`, async (t) => t.equal(responseStatus(text), expected));
}

test('the status is known exactly when the final head is complete', async (t) => {
  const text = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n\r\n';
  for (let length = 0; length < text.length; length++) t.equal(responseStatus(text.slice(0, length)), undefined);
  t.equal(responseStatus(text), 200);
});
