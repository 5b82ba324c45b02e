import { completeHead } from './complete-head.ts';
import { fieldIds } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { contentLengthOf } from './framing.ts';
import { idleSecondsOf } from './idle-seconds.ts';
import type { HeadLimits } from './message-head.ts';
import { CR, endOfRun, LF, ONE, SP, VALUE, ZERO } from './octets.ts';
import type { ResponseHead } from './response-head.ts';
import { PARTIAL, readVersion, versionLength } from './version.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/**
 * Parses the response head at `start` of [start, end) strictly (RFC 9112), except that the space after the status may be missing. Called
 * like `parseRequestHead`, with the same results. Strikes Content-Length in 1xx and 204 responses, which must not have it (RFC 9110
 * section 8.6).
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

/** Parses the status line at `start` (RFC 9112 section 4); returns the same as `parseRequestLine`. */
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
    const digit = (bytes[at] as number) - ZERO;
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

/** Reads the lines parsed so far. Checks that need all lines are made only if the lines are `complete`. */
function readFields(head: ResponseHead, fields: FieldLines, complete: boolean): WireFault | undefined {
  let upgrade = false;
  let transferEncoding = false;
  let connectionLine = -1;
  head.contentLength = -1;
  head.idleSeconds = -1;
  for (let line = 0; line < fields.count; line++) {
    switch (fields.id(line)) {
      case fieldIds['content-length']:
        if (head.contentLength >= 0) return wireFaults.repeatedContentLength;
        head.contentLength = contentLengthOf(fields, line);
        if (head.contentLength < 0) return wireFaults.badContentLength;
        if (head.status < 200 || head.status === 204) fields.strike(line);
        break;
      case fieldIds['keep-alive']:
        head.idleSeconds = idleSecondsOf(fields, line);
        break;
      case fieldIds.connection:
        if (connectionLine < 0) connectionLine = line;
        break;
      case fieldIds.upgrade:
        upgrade = true;
        break;
      case fieldIds['transfer-encoding']:
        transferEncoding = true;
        break;
    }
  }
  return complete ? completeHead(head, upgrade, transferEncoding, connectionLine) : undefined;
}
