import { inspect } from 'node:util';
import { ChunkedDecoder } from '../../src/http1/message/chunked-decoder.ts';
import { scannedOctets } from '../../src/http1/message/field-scanner.ts';
import type { HeadLimits } from '../../src/http1/message/message-head.ts';
import { RequestHead } from '../../src/http1/message/request-head.ts';
import { parseRequestHead } from '../../src/http1/message/request-parser.ts';
import { ResponseHead } from '../../src/http1/message/response-head.ts';
import { parseResponseHead } from '../../src/http1/message/response-parser.ts';

export const limits: HeadLimits = { headBytes: 32_768, targetBytes: 8192, fields: 128 };

/** Octets around the message in its buffer. A parser that reads them gives different results. */
export const surroundings = ['\r\n', 'A', ': \r\nHost: b\r\n\r\n', '0123456789', '\0'] as const;

type Parse<Head> = (head: Head, buffer: Buffer, start: number, end: number) => number;

/**
 * Parses a head from Latin-1 text that is surrounded by other octets: in a buffer of its own, octet by octet, and at both ends of the place where heads are
 * scanned in vectors. Throws unless the results are the same.
 */
function within<Head extends RequestHead | ResponseHead>(make: () => Head, text: string, around: string, parse: Parse<Head>) {
  const message = Buffer.from(text, 'latin1');
  const padding = Buffer.from(around, 'latin1');
  const whole = Buffer.concat([padding, message, padding]);
  const head = make();
  // Parsing may change octets: see `finishTarget`.
  const consumed = parse(head, Buffer.from(whole), padding.length, padding.length + message.length);
  for (const at of scannedOctets === undefined ? [] : [0, scannedOctets.length - padding.length - message.length]) {
    if (scannedOctets === undefined || at + whole.length > scannedOctets.length + padding.length || at < 0) continue;
    whole.copy(scannedOctets, at);
    const scanned = make();
    const start = at + padding.length;
    const result = parse(scanned, scannedOctets, start, start + message.length);
    const isSame = result === consumed && scanned.fault === head.fault && scanned.fields.oddNames === head.fields.oddNames;
    if (!isSame || Buffer.compare(slotsOf(scanned), slotsOf(head)) !== 0)
      throw new Error(`in vectors ${inspect(scanned)}, octet by octet ${inspect(head)}: ${JSON.stringify(text)}`);
  }
  return { consumed, head };
}

/** Where the lines and their parts are, and the ids of their names. */
function slotsOf({ fields: { slots, count } }: RequestHead | ResponseHead): Uint8Array {
  return new Uint8Array(slots.buffer, slots.byteOffset, 4 * (5 * count + 1));
}

/** Reads a request head from Latin-1 text that is surrounded by other octets. */
export function readRequest(text: string, given: Partial<HeadLimits> = {}, around: string = surroundings[2]) {
  const { consumed, head } = within(
    () => new RequestHead(),
    text,
    around,
    (head, buffer, start, end) => parseRequestHead(head, buffer, start, end, { ...limits, ...given }),
  );
  return { consumed, head, code: consumed < 0 ? head.fault?.code : undefined, status: consumed < 0 ? head.fault?.status : undefined };
}

/** Reads a response head from Latin-1 text that is surrounded by other octets. */
export function readResponse(text: string, given: Partial<HeadLimits> = {}, around: string = surroundings[2]) {
  const { consumed, head } = within(
    () => new ResponseHead(),
    text,
    around,
    (head, buffer, start, end) => parseResponseHead(head, buffer, start, end, { ...limits, ...given }),
  );
  return { consumed, head, code: consumed < 0 ? head.fault?.code : undefined };
}

/** Reads a chunked body in pieces, cut at the positions `cuts`. */
export function readChunked(text: string, cuts: readonly number[] = []) {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  let consumed = 0;
  const bounds = [...new Set(cuts.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b);
  for (const [index, end] of [...bounds, bytes.length].entries()) {
    // Each piece is alone in its memory, so that the decoder can read nothing else.
    const piece = Buffer.from(bytes.subarray(index === 0 ? 0 : bounds[index - 1], end));
    const taken = decoder.decode(piece, 0, piece.length, {
      data(buffer, from, to) {
        body += buffer.toString('latin1', from, to);
      },
    });
    if (taken < 0) break;
    consumed += taken;
    if (decoder.done) break;
  }
  return { body, consumed, done: decoder.done, code: decoder.fault?.code, trailers: decoder.trailers };
}

/** The contents of a request head, as plain data. */
export function meaning(head: RequestHead) {
  const { fault: _fault, fields: _fields, ...plain } = head;
  return { ...plain, target: head.target(), authority: head.authority(), fields: lines(head) };
}

/** The contents of a response head, as plain data. */
export function responseMeaning(head: ResponseHead) {
  const { fault: _fault, fields: _fields, ...plain } = head;
  return { ...plain, fields: lines(head) };
}

function lines(head: RequestHead | ResponseHead) {
  return head.fields.entries().map(([name, value], line) => [head.fields.id(line), name, value]);
}
