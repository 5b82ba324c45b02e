import { completeHead } from './complete-head.ts';
import { fieldIds } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { contentLengthOf } from './framing.ts';
import { isHost } from './host.ts';
import type { HeadLimits } from './message-head.ts';
import { applyNameRule } from './name-rule.ts';
import { CR, LF, spells } from './octets.ts';
import type { RequestHead } from './request-head.ts';
import { finishTarget, parseRequestLine } from './request-line.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const continueWord = Buffer.from('100-continue');

/** Limit of the empty lines that are skipped before a request line (RFC 9112 section 2.2). */
const maxEmptyLines = 4;

/**
 * Parses the request head at `start` of [start, end) strictly (RFC 9112). Keeps no state: after 0, collect more octets and call again from
 * the same first byte, but not before another LF has arrived or `limits.headBytes` octets are there.
 * If the target is in absolute-form without a path, its octets are changed in `buffer` (see {@link finishTarget}).
 * @returns above 0: octets consumed, empty lines before and after included; 0: incomplete, valid so far; below 0: refused, see `head.fault`
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
    if (at - start === 2 * maxEmptyLines) return wireFaults.badMethod;
    if (++at === stop) break;
    if (buffer[at++] !== LF) return wireFaults.bareCarriageReturn;
  }

  const lineEnd = parseRequestLine(head, buffer, at, stop, limits);
  if (typeof lineEnd === 'object') return lineEnd;
  if (lineEnd === INCOMPLETE) return full ? wireFaults.targetTooLong : INCOMPLETE;

  const headEnd = parseFieldLines(fields, lineEnd, stop, limits.fields);
  if (typeof headEnd === 'object') return headEnd;
  const fault = readFields(head, fields, headEnd !== INCOMPLETE);
  if (fault !== undefined) return fault;
  if (headEnd === INCOMPLETE) return full ? wireFaults.headTooLarge : INCOMPLETE;
  head.names = limits.names;
  if (fields.oddNames && limits.names !== undefined) {
    const refused = applyNameRule(fields, limits.names);
    if (refused !== undefined) return refused;
  }

  fields.length = headEnd - start;
  if (head.absolute) finishTarget(head);
  return fields.length;
}

/** Reads the lines parsed so far. Checks that need all lines are made only if the lines are `complete`. */
function readFields(head: RequestHead, fields: FieldLines, complete: boolean): WireFault | undefined {
  const { bytes, base } = fields;
  let upgrade = false;
  let transferEncoding = false;
  let connectionLine = -1;
  let expect = false;
  head.contentLength = -1;
  head.hostLine = -1;
  head.acceptsTrailers = false;
  head.cookieLine = -1;
  head.requestIdLine = -1;
  head.clientCertLine = -1;
  head.viaOctets = 0;
  head.reportsHops = false;
  for (let line = 0; line < fields.count; line++) {
    const id = fields.id(line);
    if (id === 0) continue;
    if (id > fieldIds.expect) {
      if (id <= fieldIds.forwarded) head.reportsHops = true;
      else if (id === fieldIds.cookie && head.cookieLine < 0) head.cookieLine = line;
      else if (id === fieldIds['x-request-id'] && head.requestIdLine < 0) head.requestIdLine = line;
      else if (id === fieldIds.via) head.viaOctets += fields.valueEnd(line) - fields.valueStart(line);
      else if ((id === fieldIds['client-cert'] || id === fieldIds['client-cert-chain']) && head.clientCertLine < 0)
        head.clientCertLine = line;
      continue;
    }
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
        if (!spells(bytes, start, end, continueWord)) return wireFaults.unknownExpectation;
        expect = true;
        break;
      case fieldIds.te:
        if (lists(fields, line, 'trailers')) head.acceptsTrailers = true;
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
  if (!complete) return undefined;
  if (head.hostLine < 0 && head.minor === 1) return wireFaults.missingHost;
  if (!head.absolute) {
    head.authorityStart = head.hostLine < 0 ? 0 : fields.valueStart(head.hostLine);
    head.authorityEnd = head.hostLine < 0 ? 0 : fields.valueEnd(head.hostLine);
  }
  const fault = completeHead(head, upgrade, transferEncoding, connectionLine);
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

/** Says whether a line's value, a comma-separated list, has the element `word` without parameters. */
function lists(fields: FieldLines, line: number, word: string): boolean {
  const text = fields.value(line).toLowerCase();
  return text === word || text.split(',').some((element) => element.trim() === word);
}
