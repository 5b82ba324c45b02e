import t from 'tap';
import { readRequest, readResponse } from './reading.ts';

const tchar = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const lineOf = new RegExp(`^(${tchar}+):[ \\t]*((?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)[ \\t]*$`);

/** The framing of a message by its lines, for the strictest reading of RFC 9112 sections 5, 6.1 and 6.2; undefined: refused. */
function framing(lines: string): { chunked: boolean; length: number } | undefined {
  const codings: string[] = [];
  const lengths: string[] = [];
  for (const line of lines.split('\r\n')) {
    const [, name = '', value = ''] = lineOf.exec(line) ?? [];
    if (name === '') return undefined;
    if (name.toLowerCase() === 'transfer-encoding') codings.push(value);
    if (name.toLowerCase() === 'content-length') lengths.push(value);
  }
  if (codings.length > 0 && (lengths.length > 0 || !/^chunked$/i.test(codings.join(',')))) return undefined;
  if (lengths.length > 1 || lengths.some((length) => !/^[0-9]{1,15}$/.test(length))) return undefined;
  return { chunked: codings.length > 0, length: lengths.length === 0 ? -1 : Number(lengths[0]) };
}

/** Positions at which one octet may hide a framing field from one reader and not from another. */
const places: readonly ((octet: string) => string)[] = [
  ...['Transfer-Encoding: chunked', 'Content-Length: 5'].flatMap((line) => {
    const [name = '', value = ''] = line.split(': ');
    const middle = name.indexOf('-');
    return [
      (octet: string) => `${octet}${line}`,
      (octet: string) => `${name}${octet}: ${value}`,
      (octet: string) => `${name}:${octet}${value}`,
      (octet: string) => `${name}: ${octet}${value}`,
      (octet: string) => `${name}: ${value}${octet}`,
      (octet: string) => `${name}: ${value}${octet} `,
      (octet: string) => `${name}: ${value.slice(0, 3)}${octet}${value.slice(3)}`,
      (octet: string) => `${name}${octet}${value}`,
      (octet: string) => `${name.slice(0, middle)}${octet}${name.slice(middle + 1)}: ${value}`,
      (octet: string) => `${name.slice(0, middle)}${octet}${name.slice(middle)}: ${value}`,
      (octet: string) => `X: y${octet}${line}`,
      (octet: string) => `X: y\r${octet}${line}`,
      (octet: string) => `X: y${octet}\n${line}`,
      (octet: string) => `X${octet}\r\n${line}`,
      (octet: string) => `X:${octet}\r\n${line}`,
      (octet: string) => `${line}\r\n${octet}X: y`,
      (octet: string) => `${line}\r\n${line.slice(0, 4)}${octet}${line.slice(4)}`,
    ];
  }),
  (octet) => `Content-Length: 5\r\n${octet}Transfer-Encoding: chunked`,
  (octet) => `Content-Length: 5\r\nTransfer-Encoding${octet}: chunked`,
  (octet) => `Content-Length: 5\r\nTransfer-Encoding:${octet}chunked`,
  (octet) => `Transfer-Encoding: chunked${octet}\r\nContent-Length: 5`,
  (octet) => `Transfer-Encoding: chunked${octet}chunked`,
  (octet) => `Transfer-Encoding: chunked${octet}identity`,
  (octet) => `Transfer-Encoding: identity${octet}chunked`,
  (octet) => `Content-Length: 5${octet}5`,
  (octet) => `Content-Length: 5\r\nContent-Length${octet}: 5`,
];

t.test('no octet at any of these positions hides or fakes the framing of a message', async (t) => {
  let taken = 0;
  let refused = 0;
  const differing: string[] = [];
  for (const place of places) {
    for (let octet = 0; octet < 256; octet++) {
      const lines = place(String.fromCharCode(octet));
      const expected = framing(lines);
      for (const { consumed, head } of [
        readRequest(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`),
        readResponse(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`),
      ]) {
        if (expected === undefined) refused++;
        else taken++;
        const found = consumed < 0 ? undefined : { chunked: head.chunked, length: head.contentLength };
        if (JSON.stringify(found) !== JSON.stringify(expected)) differing.push(JSON.stringify({ lines, found, expected }));
      }
    }
  }
  t.strictSame(differing.slice(0, 10), []);
  t.ok(taken > 1000 && refused > 10_000, `${taken} taken, ${refused} refused`);
});
