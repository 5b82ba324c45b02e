import fc from '../tools/fast-check.ts';

/** Number of messages that a property is tried with: `count` times `SLUICE_TEST_RUNS` (default 1). */
export function runs(count: number): { numRuns: number } {
  return { numRuns: count * Number(process.env['SLUICE_TEST_RUNS'] ?? 1) };
}

const octets = (accept: (octet: number) => boolean) =>
  Array.from({ length: 256 }, (_, octet) => octet)
    .filter(accept)
    .map((octet) => String.fromCharCode(octet));
const textOf = (members: string[], size: fc.StringConstraints) => fc.string({ unit: fc.constantFrom(...members), ...size });

const tokenMembers = octets((octet) => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(octet)));
const inner = octets((octet) => octet === 9 || (octet >= 32 && octet !== 127));
const visible = inner.filter((member) => member !== ' ' && member !== '\t');
const targetMembers = octets((octet) => octet > 32 && octet < 127 && octet !== 0x23);

const token = textOf(tokenMembers, { minLength: 1, maxLength: 12 });
const space = textOf([' ', '\t'], { maxLength: 3 });
const value = fc.oneof(
  fc.constant(''),
  textOf(visible, { minLength: 1, maxLength: 10 }),
  fc
    .tuple(
      textOf(visible, { minLength: 1, maxLength: 1 }),
      textOf(inner, { maxLength: 30 }),
      textOf(visible, { minLength: 1, maxLength: 1 }),
    )
    .map((parts) => parts.join('')),
);

/** Names that matter for framing or the connection come only from the generators made for them. */
const special = /^(host|connection|content-length|transfer-encoding|te|upgrade|expect|keep-alive|proxy-connection)$/i;
const plainName = fc.oneof(
  token.filter((name) => !special.test(name)),
  fc.constantFrom('Cookie', 'X-Forwarded-For', 'accept', 'Set-Cookie', 'Authorization', 'Via', 'DATE'),
);
const field = fc.tuple(plainName, space, value, space).map(([name, before, text, after]) => `${name}:${before}${text}${after}\r\n`);
const fields = fc.array(field, { maxLength: 12 });

const connection = fc.constantFrom(
  '',
  '',
  'Connection: keep-alive\r\n',
  'connection: close\r\n',
  'Connection: x-foo, Close\r\nX-Foo: 1\r\n',
  'Connection:\r\n',
);
const target = fc.oneof(
  textOf(targetMembers, { maxLength: 40 }).map((text) => `/${text}`),
  fc.constantFrom('/', 'http://b.example', 'http://b.example:80?x', 'http://[::1]/y', 'HTTP://b.example/z?#'.replace('#', '')),
);
/** Methods that Node's parser knows as well. */
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'M-SEARCH', 'REPORT');

const quoted = textOf(
  inner.filter((member) => member !== '"' && member !== '\\'),
  { maxLength: 8 },
).map((text) => `"${text}\\""`);
const extension = fc
  .tuple(token, fc.option(fc.oneof(token, quoted)))
  .map(([name, text]) => (text === null ? `;${name}` : `;${name}=${text}`));
const chunk = fc
  .tuple(
    textOf(
      octets(() => true),
      { minLength: 1, maxLength: 40 },
    ),
    fc.nat(3),
    fc.boolean(),
    fc.array(extension, { maxLength: 2 }),
  )
  .map(([data, zeros, capital, extensions]) => {
    const size = '0'.repeat(zeros) + data.length.toString(16);
    return { data, text: `${capital ? size.toUpperCase() : size}${extensions.join('')}\r\n${data}\r\n` };
  });
const trailer = fc.tuple(fc.constantFrom('X-Sum', 'ETag', 'a'), value).map(([name, text]) => `${name}: ${text}\r\n`);

/** A valid chunked body: `text`, and the data in it, `body`. */
export const chunkedBody = fc
  .tuple(fc.array(chunk, { maxLength: 5 }), fc.array(extension, { maxLength: 1 }), fc.array(trailer, { maxLength: 2 }))
  .map(([chunks, extensions, trailers]) => ({
    body: chunks.map(({ data }) => data).join(''),
    text: `${chunks.map(({ text }) => text).join('')}0${extensions.join('')}\r\n${trailers.join('')}\r\n`,
  }));

const framed = fc.oneof(
  fc.constant({ line: '', body: '', text: '' }),
  textOf(
    octets(() => true),
    { maxLength: 60 },
  ).map((body) => ({ line: `Content-Length: ${body.length}\r\n`, body, text: body })),
  chunkedBody.map(({ body, text }) => ({ line: 'Transfer-Encoding: chunked\r\n', body, text })),
);

/** A message: its head, and the `text` after it, which is the framed `body`. */
export interface Sample {
  readonly head: string;
  readonly text: string;
  readonly body: string;
}

/** Valid requests that Node's parser accepts as well. */
export const request: fc.Arbitrary<Sample> = fc
  .tuple(
    method,
    target,
    fc.constantFrom('1.1', '1.1', '1.0'),
    fields,
    fields,
    connection,
    framed,
    fc.constantFrom('', '\r\n', 'TE: trailers\r\n'),
  )
  .map(([method, target, version, before, after, connection, { line, body, text }, extra]) => ({
    head:
      `${extra === '\r\n' ? extra : ''}${method} ${target} HTTP/${line.startsWith('T') ? '1.1' : version}\r\n` +
      `${before.join('')}Host: a.example\r\n${connection}${line}${after.join('')}${extra === '\r\n' ? '' : extra}\r\n`,
    text,
    body,
  }));

const status = fc.constantFrom(200, 200, 201, 204, 206, 301, 304, 404, 500, 599);
const reason = fc.oneof(fc.constant(''), textOf(inner, { maxLength: 20 }));

/** Valid final responses that Node's parser accepts as well. A response whose status excludes a body may still have a length. */
export const response: fc.Arbitrary<Sample> = fc
  .tuple(status, reason, fc.constantFrom('1.1', '1.1', '1.0'), fields, fields, connection, framed)
  .map(([status, reason, version, before, after, connection, { line, body, text }]) => {
    const bodyless = status === 204 || status === 304;
    return {
      head: `HTTP/${line.startsWith('T') ? '1.1' : version} ${status} ${reason}\r\n${before.join('')}${connection}${line}${after.join('')}\r\n`,
      text: bodyless ? '' : text,
      body: bodyless ? '' : body,
    };
  });

/** Pieces of text that have misled parsers. */
const poison = fc.constantFrom(
  ...['\r', '\n', '\r\n', '\r\n\r\n', '\0', ' ', '\t', ':', ',', ';', '"', '\\', '#', '\x7f', '\x0b', '\xff', '0', '5', '+', '-', 'x', '_'],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: identity\r\n',
    'chunked',
    'Host: b\r\n',
    'HTTP/1.1',
    'HTTP/1.0',
  ],
  ...[
    'Connection: close\r\n',
    'Connection: content-length\r\n',
    'Upgrade: x\r\nConnection: upgrade\r\n',
    ' chunked',
    ';a=b',
    '0\r\n\r\n',
    'GET / HTTP/1.1\r\n',
  ],
);

/** One change of a text: replaces some of its characters, anywhere or at the start of a line. */
export interface Mutation {
  /** In ten-thousandths of the text's length. */
  readonly position: number;
  readonly atLineStart: boolean;
  readonly removed: number;
  readonly inserted: string;
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  position: fc.noBias(fc.nat(9999)),
  atLineStart: fc.boolean(),
  removed: fc.constantFrom(0, 0, 1, 2, 9),
  inserted: fc.oneof(poison, poison, fc.constant('')),
});

export function mutate(text: string, changes: readonly Mutation[]): string {
  let mutated = text;
  for (const { position, atLineStart, removed, inserted } of changes) {
    let at = Math.floor((position / 10_000) * mutated.length);
    if (atLineStart) at = mutated.lastIndexOf('\n', at) + 1;
    mutated = mutated.slice(0, at) + inserted + mutated.slice(at + removed);
  }
  return mutated;
}
