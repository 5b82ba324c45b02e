import t from 'tap';
import { fieldIds } from '../../src/http1/message/field-ids.ts';
import { readResponse, responseMeaning } from './reading.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

t.test('refused heads, and their faults', (t) => {
  const refused: [text: string, code: string][] = [
    ['\r\nHTTP/1.1 200 OK\r\n', 'bad-version'],
    [' HTTP/1.1 200 OK\r\n', 'bad-version'],
    ['ICY 200 OK\r\n', 'bad-version'],
    ['<html>', 'bad-version'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'bad-version'],
    ['HTTP/0.9 200 OK\r\n', 'unsupported-version'],
    ['HTTP/2 200\r\n', 'bad-version'],
    ['HTTP/2.0 200 OK\r\n', 'unsupported-version'],
    ['HTTP/1.1\t200 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1  200 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1\r\n', 'bad-status-line'],
    ['HTTP/1.1 \r\n', 'bad-status-line'],
    ['HTTP/1.1 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1 20 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1 2000 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1 099 No\r\n', 'bad-status-line'],
    ['HTTP/1.1 000 No\r\n', 'bad-status-line'],
    ['HTTP/1.1 600 No\r\n', 'bad-status-line'],
    ['HTTP/1.1 +20 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1 0x2 OK\r\n', 'bad-status-line'],
    ['HTTP/1.1 200\tOK\r\n', 'bad-status-line'],
    ['HTTP/1.1 200\n', 'bare-line-feed'],
    ['HTTP/1.1 200 OK\n', 'bare-line-feed'],
    ['HTTP/1.1 200 OK\rX', 'bare-carriage-return'],
    ['HTTP/1.1 200\rX', 'bare-carriage-return'],
    ['HTTP/1.1 200 O\0K\r\n', 'bad-reason'],
    ['HTTP/1.1 200 O\x7fK\r\n', 'bad-reason'],
    [`${ok} X: a\r\n`, 'leading-space'],
    [`${ok}X: a\r\n b\r\n`, 'folded-line'],
    [`${ok}X : a\r\n`, 'space-before-colon'],
    [`${ok}X: a\0\r\n`, 'bad-field-value'],
    [`${ok}X: a\n`, 'bare-line-feed'],
    [`${ok}Content-Length: 5\r\nContent-Length: 5\r\n`, 'repeated-content-length'],
    [`${ok}Content-Length: 5, 5\r\n`, 'bad-content-length'],
    [`${ok}Content-Length: five\r\n`, 'bad-content-length'],
    [`HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n`, 'bad-content-length'],
    [`${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 'conflicting-length'],
    [`${ok}Transfer-Encoding: gzip\r\n\r\n`, 'bad-transfer-encoding'],
    [`${ok}Transfer-Encoding: chunked, identity\r\n\r\n`, 'bad-transfer-encoding'],
    [`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'unknown-coding'],
    ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'coding-in-http-1.0'],
    [`${ok}Connection: set-cookie\r\n\r\n`, 'protected-nomination'],
  ];
  for (const [text, code] of refused) t.match(readResponse(text), { consumed: -1, code }, JSON.stringify(text));
  t.equal(readResponse(`${ok}X: ${'x'.repeat(400)}`, { headBytes: 300 }).code, 'head-too-large');
  t.equal(readResponse(`HTTP/1.1 200 ${'x'.repeat(400)}`, { headBytes: 300 }).code, 'head-too-large');
  t.equal(readResponse(`${ok}${'X: y\r\n'.repeat(129)}\r\n`).code, 'too-many-fields');
  t.end();
});

t.test('accepted heads', (t) => {
  const accepted: [text: string, expected: object, reason?: string][] = [
    [`${ok}\r\n`, { status: 200, minor: 1, keepAlive: true, contentLength: -1, chunked: false }, 'OK'],
    ['HTTP/1.1 200\r\n\r\n', { status: 200, lineVerbatim: false }, ''],
    ['HTTP/1.1 200 \r\n\r\n', { status: 200, lineVerbatim: true }, ''],
    ['HTTP/1.1 404 Not \t gefunden: \xe4\r\n\r\n', { status: 404 }, 'Not \t gefunden: \xe4'],
    ['HTTP/1.1 599 x\r\n\r\n', { status: 599 }],
    ['HTTP/1.3 100 Continue\r\n\r\n', { status: 100, minor: 1, lineVerbatim: false }],
    ['HTTP/1.0 200 OK\r\n\r\n', { minor: 0, keepAlive: false }],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n', { minor: 0, keepAlive: true, contentLength: 3 }],
    [`${ok}Connection: close\r\n\r\n`, { keepAlive: false }],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', { status: 101, upgrade: true }],
    ['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 204 }],
  ];
  for (const [text, expected, reason] of accepted) {
    const { consumed, head, code } = readResponse(text);
    t.equal(consumed, text.length, `${JSON.stringify(text)} ${code ?? ''}`);
    t.match(responseMeaning(head), expected);
    if (reason !== undefined) t.equal(head.fields.text(head.reasonStart, head.reasonEnd), reason);
  }
  t.equal(readResponse(ok).consumed, 0);
  t.equal(readResponse('HTTP/1.1 2').consumed, 0);
  t.end();
});

t.test('the framing of the body (RFC 9112 section 6.3)', (t) => {
  const framing: [text: string, method: string, framing: string][] = [
    [`${ok}\r\n`, 'GET', 'until-close'],
    [`${ok}Content-Length: 0\r\n\r\n`, 'GET', 'length'],
    [`${ok}Content-Length: 5\r\n\r\n`, 'POST', 'length'],
    [`${ok}Content-Length: 5\r\n\r\n`, 'HEAD', 'none'],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n`, 'GET', 'chunked'],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n`, 'HEAD', 'none'],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 'GET', 'none'],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'GET', 'none'],
    ['HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n', 'GET', 'none'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'GET', 'none'],
    ['HTTP/1.1 205 Reset Content\r\n\r\n', 'GET', 'until-close'],
  ];
  for (const [text, method, expected] of framing)
    t.equal(readResponse(text).head.framingOf(method), expected, `${method}: ${JSON.stringify(text)}`);
  t.end();
});

t.test('Content-Length is struck where it is not allowed', (t) => {
  const idOfLength = (status: string) => readResponse(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`).head.fields.id(0);
  t.equal(idOfLength('204 No Content'), fieldIds.struck);
  t.equal(idOfLength('103 Early Hints'), fieldIds.struck);
  t.equal(idOfLength('304 Not Modified'), fieldIds['content-length']);
  t.equal(idOfLength('200 OK'), fieldIds['content-length']);
  t.end();
});
