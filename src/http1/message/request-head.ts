import type { FieldLines } from './field-lines.ts';
import { fieldIds } from './field-names.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { contentLengthOf } from './framing.ts';
import { isHost } from './host.ts';
import { type HeadLimits, MessageHead, settle } from './message-head.ts';
import { COLON, CR, LF, lowerCase, spells } from './octets.ts';
import { finishTarget, parseRequestLine } from './request-line.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

export type { HeadLimits } from './message-head.ts';

/** A request's head, checked. Filled in by {@link parseRequestHead}; its contents mean something only after that returned more than 0. */
export class RequestHead extends MessageHead {
  /** As sent; one constant string for each common method. */
  method = 'GET';
  safe = true;
  idempotent = true;
  /** Where the target starts, brought to origin-form (`/path?query`) or `*`; from `fields.base`. */
  targetStart = 0;
  targetEnd = 0;
  /** The target as it came has neither dots nor percent signs, so that its path has no other spelling but doubled slashes. */
  plain = true;
  /** The target came in absolute-form: its authority counts, and replaces Host when the request is forwarded (RFC 9112 section 3.2.2). */
  absolute = false;
  /** Where host and port are: in the target if `absolute`, else the value of Host; empty if there is neither. */
  authorityStart = 0;
  authorityEnd = 0;
  /** The line that Host is in, or -1. */
  hostLine = -1;
  /**
   * The client waits for a 100 (Continue) before it sends its body. Without a body, and in HTTP/1.0, Expect means nothing and is struck
   * (RFC 9110 section 10.1.1).
   */
  expectContinue = false;
  /** TE lists `trailers`: the client is willing to take them (RFC 9110 section 10.1.4). */
  acceptsTrailers = false;
  #authority = '';
  #authorityKnown = false;

  /** The target as text. */
  target(): string {
    return this.fields.text(this.targetStart, this.targetEnd);
  }

  /** Host and port as the client named them, in lower case; empty if it named none. The same string object for the same host again. */
  authority(): string {
    if (this.#authorityKnown) return this.#authority;
    this.#authorityKnown = true;
    const { bytes, base } = this.fields;
    const start = base + this.authorityStart;
    let end = base + this.authorityEnd;
    if (end > start && bytes[end - 1] === COLON) end--;
    if (!sameText(bytes, start, end, this.#authority)) this.#authority = bytes.toString('latin1', start, end).toLowerCase();
    return this.#authority;
  }

  /** Begins anew with a message at `start` of `buffer`. */
  reset(buffer: Buffer, start: number): void {
    this.fields.reset(buffer, start);
    this.#authorityKnown = false;
  }
}

function sameText(bytes: Buffer, start: number, end: number, lowerText: string): boolean {
  if (end - start !== lowerText.length) return false;
  for (let index = 0; index < lowerText.length; index++) {
    if (lowerCase[bytes[start + index] as number] !== lowerText.charCodeAt(index)) return false;
  }
  return true;
}

/** Empty lines that are skipped before a request line (RFC 9112 section 2.2). */
const mostEmptyLines = 4;

/**
 * Parses the request head at `start` of [start, end), strictly (RFC 9112). Stateless: when it returns 0, collect more and call again from
 * the same first byte, at the earliest when another LF has come or `limits.headBytes` are there.
 * Three bytes before a target in absolute-form without a path may be changed in `buffer`.
 * @returns above 0: bytes consumed, empty lines before and after included; 0: not complete, and valid so far; below 0: see `head.fault`
 */
export function parseRequestHead(head: RequestHead, buffer: Buffer, start: number, end: number, limits: HeadLimits): number {
  const result = parse(head, buffer, start, end, limits);
  if (typeof result === 'number') return result;
  head.fault = result;
  return -1;
}

function parse(head: RequestHead, buffer: Buffer, start: number, end: number, limits: HeadLimits): number | WireFault {
  const { fields } = head;
  const full = end - start >= limits.headBytes;
  const stop = full ? start + limits.headBytes : end;
  head.reset(buffer, start);

  let at = start;
  while (at < stop && (buffer[at] === CR || buffer[at] === LF)) {
    if (buffer[at] === LF) return wireFaults.bareLineFeed;
    if (at - start === 2 * mostEmptyLines) return wireFaults.badMethod;
    if (++at === stop) break;
    if (buffer[at++] !== LF) return wireFaults.bareCarriageReturn;
  }

  const lineEnd = parseRequestLine(head, buffer, at, stop, limits.targetBytes);
  if (typeof lineEnd === 'object') return lineEnd;
  if (lineEnd === INCOMPLETE) return full ? wireFaults.targetTooLong : INCOMPLETE;

  const headEnd = parseFieldLines(fields, lineEnd, stop, limits.fields);
  if (typeof headEnd === 'object') return headEnd;
  const fault = readFields(head, fields, headEnd !== INCOMPLETE);
  if (fault !== undefined) return fault;
  if (headEnd === INCOMPLETE) return full ? wireFaults.headTooLarge : INCOMPLETE;

  fields.length = headEnd - start;
  if (head.absolute) finishTarget(head);
  return fields.length;
}

/** Takes in what the lines so far say; what only all of them together say, if they are `complete`. */
function readFields(head: RequestHead, fields: FieldLines, complete: boolean): WireFault | undefined {
  const { bytes, base } = fields;
  let upgrade = false;
  let transferEncoding = false;
  let expect = false;
  head.contentLength = -1;
  head.hostLine = -1;
  head.acceptsTrailers = false;
  for (let line = 0; line < fields.count; line++) {
    const id = fields.id(line);
    if (id === 0 || id > fieldIds.expect) continue;
    const start = base + fields.valueStart(line);
    const end = base + fields.valueEnd(line);
    switch (id) {
      case fieldIds.host:
        if (head.hostLine >= 0) return wireFaults.repeatedHost;
        if (start !== end && !isHost(bytes, start, end)) return wireFaults.badHost;
        head.hostLine = line;
        break;
      case fieldIds['content-length']:
        if (head.contentLength >= 0) return wireFaults.repeatedContentLength;
        head.contentLength = contentLengthOf(fields, line);
        if (head.contentLength < 0) return wireFaults.badContentLength;
        break;
      case fieldIds.expect:
        if (!spells(bytes, start, end, '100-continue')) return wireFaults.unknownExpectation;
        expect = true;
        break;
      case fieldIds.te:
        if (lists(fields, line, 'trailers')) head.acceptsTrailers = true;
        break;
      case fieldIds.upgrade:
        upgrade = true;
        break;
      case fieldIds['transfer-encoding']:
        transferEncoding = true;
        break;
    }
  }
  if (!complete) return undefined;
  if (head.hostLine < 0 && head.minor === 1) return wireFaults.missingHost;
  if (!head.absolute) {
    head.authorityStart = head.hostLine < 0 ? 0 : fields.valueStart(head.hostLine);
    head.authorityEnd = head.hostLine < 0 ? 0 : fields.valueEnd(head.hostLine);
  }
  const fault = settle(head, upgrade, transferEncoding);
  if (fault !== undefined) return fault;
  const content = head.chunked || head.contentLength > 0;
  if (content && head.method === 'TRACE') return wireFaults.traceWithContent;
  head.expectContinue = expect && content && head.minor === 1;
  if (expect && !head.expectContinue) strikeAll(fields, fieldIds.expect);
  return undefined;
}

function strikeAll(fields: FieldLines, id: number): void {
  for (let line = fields.indexOf(id); line >= 0; line = fields.indexOf(id, line + 1)) fields.strike(line);
}

/** Whether a line's value, a comma-separated list, has the element `word` without parameters. */
function lists(fields: FieldLines, line: number, word: string): boolean {
  const text = fields.value(line).toLowerCase();
  return text === word || text.split(',').some((element) => element.trim() === word);
}
