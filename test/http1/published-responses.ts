import { type Published, why } from './published.ts';

const ok = 'HTTP/1.1 200 OK\r\n';
const empty = 'Content-Length: 0\r\n\r\n';
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

/** Responses of llhttp's tests, each as if to a GET. */
export const publishedResponses: readonly Published[] = [
  // Status lines
  ['a simple response', `${ok}A: 1\r\nB:\t 2\r\n${empty}`, 'takes', ['200']],
  ['no fields', 'HTTP/1.1 404 Not Found\r\n\r\n', 'takes', ['404']],
  ['no reason', `HTTP/1.1 301\r\n${empty}`, 'takes', ['301']],
  ['an empty reason', `HTTP/1.1 200 \r\n${empty}`, 'takes', ['200']],
  ['octets above 127 in the reason', `HTTP/1.1 500 Ori\xebntatie\r\n${empty}`, 'takes', ['500']],
  ['two spaces after the status', `HTTP/1.1 200  OK\r\n${empty}`, 'takes', ['200']],
  ['two spaces before the status', `HTTP/1.1  200 OK\r\n${empty}`, 'refuses', 'bad-status-line'],
  ['a tab before the status', `HTTP/1.1\t200 OK\r\n${empty}`, 'refuses', 'bad-status-line'],
  ['a status of one digit', `HTTP/1.1 2 OK\r\n${empty}`, 'refuses', 'bad-status-line'],
  ['CR first, and a tab', `\rHTTP/1.1\t200 OK\r\n${empty}`, 'refuses', 'bad-version'],
  ['an empty line first', `\r\n${ok}${empty}`, 'takes', 'bad-version', why.emptyLine],
  ['a short protocol', `HTP/1.1 200 OK\r\n${empty}`, 'refuses', 'bad-version'],
  ['a long protocol', `HTTPER/1.1 200 OK\r\n${empty}`, 'refuses', 'bad-version'],
  ['RTSP', `RTSP/1.1 200 OK\r\n${empty}`, 'takes', 'bad-version', why.otherProtocol],
  ['ICE', `ICE/1.1 200 OK\r\n${empty}`, 'takes', 'bad-version', why.otherProtocol],
  ['HTTP/0.9', `HTTP/0.9 200 OK\r\n${empty}`, 'takes', 'unsupported-version', why.version09],
  ['HTTP/5.6', `HTTP/5.6 200 OK\r\n${empty}`, 'refuses', 'unsupported-version'],
  ['HTTP/01.1', `HTTP/01.1 200 OK\r\n${empty}`, 'refuses', 'bad-version'],
  ['HTTP/11.1', `HTTP/11.1 200 OK\r\n${empty}`, 'refuses', 'bad-version'],
  ['HTTP/1.01', `HTTP/1.01 200 OK\r\n${empty}`, 'refuses', 'bad-status-line'],

  // Fields
  ['fields separated by CR', `${ok}Foo: 1\rBar: 2\r\n\r\n`, 'refuses', 'bare-carriage-return'],
  ['CR after the status line', `HTTP/1.1 200 OK\r${empty}`, 'refuses', 'bare-carriage-return'],
  ['two CRs after the status line', 'HTTP/1.1 200 OK\r\rContent-Length: 4\r\n\r\nEvil', 'by release', 'bare-carriage-return', why.bareCr],
  ['a space before the first field', `${ok} Host: a\r\n\r\n`, 'refuses', 'leading-space'],
  ['LF only', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'refuses', 'bare-line-feed'],
  ['LF only, with a body', 'HTTP/1.1 200 OK\nConnection: close\n\nthese headers are odd', 'refuses', 'bare-line-feed'],
  ['names with an underscore and a dot', `${ok}DC_imp: v7;x;;~\r\n.et-Cookie: a\r\n_onnection: b\r\n${empty}`, 'takes', ['200']],
  ['an empty value and spaces', `${ok}Pragma: \r\nX-$Version: 1\r\n${empty}`, 'takes', ['200']],
  ['a space in a name', `${ok}en-US Content-Type: text/xml\r\n${empty}`, 'refuses', 'space-before-colon'],

  // Connections
  ['Proxy-Connection', `${ok}Content-Length: 5\r\nProxy-Connection: close\r\n\r\nhello`, 'takes', ['200 hello']],
  ['HTTP/1.0 with keep-alive', `HTTP/1.0 301 Moved\r\nConnection: keep-alive\r\n${empty}`, 'takes', ['301']],
  ['HTTP/1.0 until close', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK', 'takes', ['200 HTTP/1.0 200 OK']],
  ['until close', `${ok}\r\nHTTP/1.1 200 OK`, 'takes', ['200 HTTP/1.1 200 OK']],
  ['data after 204 and close', `HTTP/1.1 204 No\r\nConnection: close\r\n\r\n${ok}`, 'refuses', ['204', 'closes'], why.afterClose],
  [
    'data after a body and close',
    `${ok}Content-Length: 5\r\nConnection: close\r\n\r\nhello-and-more`,
    'refuses',
    ['200 hello', 'closes'],
    why.afterClose,
  ],
  ['three in a row', `${ok}Content-Length: 1\r\n\r\nAHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nB`, 'takes', ['200 A', 'beyond']],
  [
    '100, an empty line, then the final one',
    `HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 404 Not Found\r\n${empty}`,
    'takes',
    ['100', 'bad-version'],
    why.emptyLine,
  ],
  ['103, then the final one', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 1\r\n\r\nx`, 'takes', ['103', '200 x']],
  ['200 with Upgrade, until close', `${ok}Connection: upgrade\r\nUpgrade: h2c\r\n\r\nbody`, 'takes', ['200 body']],
  ['200 with Upgrade and a length', `${ok}Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody`, 'takes', ['200 body']],
  [
    '200 with Upgrade and chunks',
    `${ok}Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`,
    'takes',
    ['200 body'],
  ],
  [
    '101 with a length',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbody',
    'takes',
    ['101'],
  ],

  // Bodies
  ['no length', `${ok}Content-Type: text/plain\r\n\r\nhello world`, 'takes', ['200 hello world']],
  ['a length with tabs', `${ok}Content-Length:\t3\t\r\n\r\nabc`, 'by release', ['200 abc'], why.optionalSpace],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', 'takes', ['304']],
  ['304 with chunked', `HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n`, 'takes', ['304']],
  [
    'a name that begins with Content-Length',
    `${chunked.replace('Tr', 'Content-Length-X: 0\r\nTr')}2\r\nOK\r\n0\r\n\r\n`,
    'takes',
    ['200 OK'],
  ],
  ['spaces after sizes', `${chunked}3  \r\nabc\r\n0  \r\n\r\n`, 'refuses', ['200', 'bad-chunk-extension']],
  ['extensions', `${chunked}5;a;b=c\r\nhello\r\n0\r\n\r\n`, 'takes', ['200 hello']],
  ['extensions in quotes', `${chunked}5;a="b; c";d="e";f;g=h\r\nhello\r\n0\r\n\r\n`, 'takes', ['200 hello']],
  ['a quote that is not closed', `${chunked}5;a="abc";b="def; ghi\r\nhello\r\n0\r\n\r\n`, 'refuses', ['200', 'bad-chunk-extension']],
  ['no semicolon before an extension', `${chunked}2 abc\r\naa\r\n0 d\r\n\r\n`, 'refuses', ['200', 'bad-chunk-extension']],
  ['nothing after a semicolon', `${chunked}2;\r\naa\r\n0\r\n\r\n`, 'refuses', ['200', 'bad-chunk-extension']],
  ['chunked, then another', `${ok}Transfer-Encoding: chunked, deflate\r\n\r\nWorld`, 'takes', 'bad-transfer-encoding', why.responseCoding],
  [
    'chunked, then another in a line of its own',
    `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\nWorld`,
    'takes',
    'bad-transfer-encoding',
    why.responseCoding,
  ],
  ['chunkedchunked', `${ok}Transfer-Encoding: chunkedchunked\r\n\r\n0\r\n\r\n`, 'takes', 'bad-transfer-encoding', why.responseCoding],
  ['folded after chunked', `${ok}Transfer-Encoding: chunked\r\n  abc\r\n\r\n5\r\nWorld\r\n0\r\n\r\n`, 'refuses', 'folded-line'],
];
