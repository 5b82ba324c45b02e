/**
 * A reason for refusing a message. The constants below are the only instances; compare them by identity.
 * After a fault the start of the next message is unknown: respond, then close the connection.
 */
export interface WireFault {
  /** Status of the response to the client. A fault in an upstream's response is always answered with 502. */
  readonly status: number;
  /** Stable name, for programs. */
  readonly code: string;
  /** Description, for people. */
  readonly title: string;
}

function fault(status: number, code: string, title: string): WireFault {
  return Object.freeze({ status, code, title });
}

/** All faults for which the parsers of this folder, and the connections that use them, refuse a message. */
export const wireFaults = {
  // Lines
  bareLineFeed: fault(400, 'bare-line-feed', 'A line ends with LF instead of CRLF'),
  bareCarriageReturn: fault(400, 'bare-carriage-return', 'A CR is not followed by LF'),

  // Request line
  badMethod: fault(400, 'bad-method', 'The method is not a token followed by one space'),
  methodCase: fault(400, 'bad-method', 'Methods are case-sensitive: HEAD is written in capitals'),
  unknownMethod: fault(501, 'unknown-method', 'The method is longer than any known method'),
  connectMethod: fault(501, 'connect-not-supported', 'CONNECT is not supported'),
  badTarget: fault(400, 'bad-target', 'The request target is not valid'),
  targetTooLong: fault(414, 'target-too-long', 'The request target is too long'),
  misdirected: fault(421, 'misdirected', 'https targets are not served on this connection'),
  badVersion: fault(400, 'bad-version', 'The HTTP version is not valid'),
  unsupportedVersion: fault(505, 'unsupported-version', 'Only HTTP/1.0 and HTTP/1.1 are supported'),

  // Status line
  badStatusLine: fault(502, 'bad-status-line', 'The status line is not valid'),
  badReason: fault(502, 'bad-reason', 'The reason phrase contains a control character'),

  // Field lines
  leadingSpace: fault(400, 'leading-space', 'There is white space before the first field'),
  foldedLine: fault(400, 'folded-line', 'A field is continued on a second line'),
  badFieldName: fault(400, 'bad-field-name', 'A field name is not a token'),
  ambiguousFieldName: fault(
    400,
    'ambiguous-field-name',
    'A field name has other characters than letters, digits and hyphens, which servers confuse with each other',
  ),
  spaceBeforeColon: fault(400, 'space-before-colon', 'There is white space between a field name and its colon'),
  badFieldValue: fault(400, 'bad-field-value', 'A field value contains a control character'),
  tooManyFields: fault(431, 'too-many-fields', 'There are too many fields'),
  headTooLarge: fault(431, 'head-too-large', 'The head is too large'),

  // Field values
  missingHost: fault(400, 'missing-host', 'HTTP/1.1 needs a Host field'),
  repeatedHost: fault(400, 'repeated-host', 'There is more than one Host field'),
  badHost: fault(400, 'bad-host', 'The host is not a valid name or address'),
  badContentLength: fault(400, 'bad-content-length', 'Content-Length is not a whole number up to 2^53 - 1'),
  repeatedContentLength: fault(400, 'repeated-content-length', 'There is more than one Content-Length'),
  conflictingLength: fault(400, 'conflicting-length', 'There are both Content-Length and Transfer-Encoding'),
  badTransferEncoding: fault(400, 'bad-transfer-encoding', 'Transfer-Encoding does not end in one single "chunked"'),
  unknownCoding: fault(501, 'unknown-coding', 'The transfer coding is not supported; only chunked is'),
  codingInHttp10: fault(400, 'coding-in-http-1.0', 'HTTP/1.0 has no Transfer-Encoding'),
  badConnection: fault(400, 'bad-connection', 'Connection is not a list of tokens, or has too many'),
  protectedNomination: fault(400, 'protected-nomination', 'Connection names a field that is meant for all recipients'),
  traceWithContent: fault(400, 'trace-with-content', 'TRACE must not have content'),
  unknownExpectation: fault(417, 'unknown-expectation', 'The only supported expectation is 100-continue'),

  // Bodies
  badChunkSize: fault(400, 'bad-chunk-size', 'A chunk size is not a hexadecimal number up to 2^53 - 1'),
  badChunkExtension: fault(400, 'bad-chunk-extension', 'A chunk extension is not valid'),
  chunkExtensionsTooLong: fault(400, 'chunk-extensions-too-long', 'The chunk extensions are too long'),
  badChunkEnd: fault(400, 'bad-chunk-end', 'A chunk is not followed by CRLF'),
  trailersTooLarge: fault(431, 'trailers-too-large', 'The trailer section is too large'),
  forbiddenTrailer: fault(400, 'forbidden-trailer', 'A trailer field controls framing or routing, which trailers must not do'),
  bodyTooLarge: fault(413, 'body-too-large', 'The body is too large'),
  requestTimeout: fault(408, 'request-timeout', 'The request did not arrive in time'),
} as const satisfies Record<string, WireFault>;
