import type { FieldLines } from './field-lines.ts';
import { fieldIds } from './field-names.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { contentLengthOf } from './framing.ts';
import { type HeadLimits, MessageHead, settle } from './message-head.ts';
import { CR, endOfRun, LF, SP, VALUE } from './octets.ts';
import { PARTIAL, readVersion, versionLength } from './version.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const ONE = 0x31;

/** How a response's body ends. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close';

/** A response's head, checked. Filled in by {@link parseResponseHead}; its contents mean something only after that returned more than 0. */
export class ResponseHead extends MessageHead {
  /** 100 to 599. */
  status = 200;
  /** Where the reason phrase is, from `fields.base`; often empty. */
  reasonStart = 0;
  reasonEnd = 0;

  /** How the body ends when this answers a request with that method (RFC 9112 section 6.3). */
  framingOf(method: string): BodyFraming {
    if (this.status < 200 || this.status === 204 || this.status === 304 || method === 'HEAD') return 'none';
    if (this.chunked) return 'chunked';
    return this.contentLength >= 0 ? 'length' : 'until-close';
  }
}

/**
 * Parses the response head at `start` of [start, end), strictly (RFC 9112), but for a missing space after the status. To be called and
 * answering like `parseRequestHead`. Content-Length is struck from 1xx and 204 responses, which must not have it (RFC 9110 section 8.6).
 */
export function parseResponseHead(head: ResponseHead, buffer: Buffer, start: number, end: number, limits: HeadLimits): number {
  const result = parse(head, buffer, start, end, limits);
  if (typeof result === 'number') return result;
  head.fault = result;
  return -1;
}

function parse(head: ResponseHead, buffer: Buffer, start: number, end: number, limits: HeadLimits): number | WireFault {
  const { fields } = head;
  const full = end - start >= limits.headBytes;
  const stop = full ? start + limits.headBytes : end;
  fields.reset(buffer, start);

  const lineEnd = parseStatusLine(head, buffer, start, stop);
  if (typeof lineEnd === 'object') return lineEnd;
  if (lineEnd === INCOMPLETE) return full ? wireFaults.headTooLarge : INCOMPLETE;

  const headEnd = parseFieldLines(fields, lineEnd, stop, limits.fields);
  if (typeof headEnd === 'object') return headEnd;
  const fault = readFields(head, fields, headEnd !== INCOMPLETE);
  if (fault !== undefined) return fault;
  if (headEnd === INCOMPLETE) return full ? wireFaults.headTooLarge : INCOMPLETE;

  fields.length = headEnd - start;
  return fields.length;
}

/** Reads the status line at `start` (RFC 9112 section 4); answers like `parseRequestLine`. */
function parseStatusLine(head: ResponseHead, bytes: Buffer, start: number, stop: number): number | WireFault {
  const version = readVersion(bytes, start, stop);
  if (typeof version === 'object') return version;
  if (version === PARTIAL) return INCOMPLETE;
  let at = start + versionLength;
  if (at === stop) return INCOMPLETE;
  if (bytes[at] !== SP) return wireFaults.badStatusLine;

  let status = 0;
  for (let digits = 0; digits < 3; digits++) {
    if (++at === stop) return INCOMPLETE;
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return wireFaults.badStatusLine;
    status = status * 10 + digit;
  }
  if (status < 100 || status > 599) return wireFaults.badStatusLine;
  if (++at === stop) return INCOMPLETE;

  if (bytes[at] === SP) at++;
  else if (bytes[at] !== CR) return bytes[at] === LF ? wireFaults.bareLineFeed : wireFaults.badStatusLine;
  const reasonStart = at;
  at = endOfRun(bytes, at, stop, VALUE);
  if (at === stop) return INCOMPLETE;
  const reasonEnd = at;
  if (bytes[at] !== CR) return bytes[at] === LF ? wireFaults.bareLineFeed : wireFaults.badReason;
  if (++at === stop) return INCOMPLETE;
  if (bytes[at] !== LF) return wireFaults.bareCarriageReturn;

  head.minor = version;
  head.lineVerbatim = bytes[start + versionLength - 1] === ONE && bytes[reasonStart - 1] === SP;
  head.status = status;
  head.reasonStart = reasonStart - start;
  head.reasonEnd = reasonEnd - start;
  return at + 1;
}

/** Takes in what the lines so far say; what only all of them together say, if they are `complete`. */
function readFields(head: ResponseHead, fields: FieldLines, complete: boolean): WireFault | undefined {
  let upgrade = false;
  let transferEncoding = false;
  head.contentLength = -1;
  for (let line = 0; line < fields.count; line++) {
    switch (fields.id(line)) {
      case fieldIds['content-length']:
        if (head.contentLength >= 0) return wireFaults.repeatedContentLength;
        head.contentLength = contentLengthOf(fields, line);
        if (head.contentLength < 0) return wireFaults.badContentLength;
        if (head.status < 200 || head.status === 204) fields.strike(line);
        break;
      case fieldIds.upgrade:
        upgrade = true;
        break;
      case fieldIds['transfer-encoding']:
        transferEncoding = true;
        break;
    }
  }
  return complete ? settle(head, upgrade, transferEncoding) : undefined;
}
