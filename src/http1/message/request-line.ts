import { INCOMPLETE } from './field-parser.ts';
import { isHost } from './host.ts';
import type { HeadLimits } from './message-head.ts';
import { methodIn } from './method.ts';
import { CR, endOfRun, LF, ONE, PLAIN, QUESTION, SLASH, SP, spells, TARGET, TOKEN } from './octets.ts';
import type { RequestHead } from './request-head.ts';
import { PARTIAL, readVersion, versionLength } from './version.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const ASTERISK = 0x2a;
const httpPrefix = Buffer.from('http://');
const httpsPrefix = Buffer.from('https://');
/** Limit of a method in octets: more than any registered method has. A longer one is answered with 501 (RFC 9112 section 3). */
const maxMethodBytes = 32;

/**
 * Parses the request line at `at` of `bytes`, the buffer of `head.fields` (RFC 9112 section 3).
 * @returns the position after its CRLF; {@link INCOMPLETE}; or a fault
 */
export function parseRequestLine(head: RequestHead, bytes: Buffer, at: number, stop: number, limits: HeadLimits): number | WireFault {
  const methodStart = at;
  at = endOfRun(bytes, at, stop, TOKEN);
  if (at - methodStart > maxMethodBytes) return wireFaults.unknownMethod;
  if (at === stop) return INCOMPLETE;
  if (bytes[at] !== SP || at === methodStart) return wireFaults.badMethod;
  const methodEnd = at;

  const targetStart = at + 1;
  at = endOfRun(bytes, targetStart, stop, PLAIN);
  head.plain = bytes[at] === SP;
  if (!head.plain) at = endOfRun(bytes, at, stop, TARGET);
  if (at - targetStart > limits.targetBytes) return wireFaults.targetTooLong;
  if (at === stop) return INCOMPLETE;
  if (bytes[at] !== SP || at === targetStart) return wireFaults.badTarget;
  const targetEnd = at;

  const version = readVersion(bytes, ++at, stop);
  if (typeof version === 'object') return version;
  if (version === PARTIAL) return INCOMPLETE;
  at += versionLength;
  if (at === stop) return INCOMPLETE;
  if (bytes[at] !== CR) return bytes[at] === LF ? wireFaults.bareLineFeed : wireFaults.badVersion;
  if (++at === stop) return INCOMPLETE;
  if (bytes[at] !== LF) return wireFaults.bareCarriageReturn;

  const method = methodIn(bytes, methodStart, methodEnd);
  if (method.fault !== undefined) return method.fault;
  head.method = method.name;
  head.safe = method.safe;
  head.idempotent = method.idempotent;
  head.minor = version;
  const base = head.fields.base;
  head.targetStart = targetStart - base;
  head.targetEnd = targetEnd - base;
  head.absolute = false;
  head.lineVerbatim = bytes[at - 2] === ONE;
  if (bytes[targetStart] !== SLASH) {
    const fault = readTarget(head, bytes, targetStart, targetEnd, limits.secure === true);
    if (fault !== undefined) return fault;
  }
  return at + 1;
}

/** Reads a target that does not begin with a slash: asterisk-form, or absolute-form, whose authority it finds. */
function readTarget(head: RequestHead, bytes: Buffer, start: number, end: number, secure: boolean): WireFault | undefined {
  if (bytes[start] === ASTERISK && end - start === 1) return head.method === 'OPTIONS' ? undefined : wireFaults.badTarget;
  // RFC 9110 section 7.4: an https target must not be served on a connection that is not secured.
  const https = end - start > 8 && spells(bytes, start, start + 8, httpsPrefix);
  if (https && !secure) return wireFaults.misdirected;
  if (!https && (end - start < 8 || !spells(bytes, start, start + 7, httpPrefix))) return wireFaults.badTarget;
  const authorityStart = start + (https ? 8 : 7);
  let at = authorityStart;
  while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
  if (!isHost(bytes, authorityStart, at)) return wireFaults.badTarget;
  const base = head.fields.base;
  head.absolute = true;
  head.lineVerbatim = false;
  head.authorityStart = authorityStart - base;
  head.authorityEnd = at - base;
  head.targetStart = at - base;
  return undefined;
}

/**
 * Inserts the path into a target in absolute-form without one: `*` for OPTIONS without a query, else `/` (RFC 9112 sections 3.2.1 and
 * 3.2.4). Makes room by moving the authority over the second slash of `http://`. Called once, when the head is complete, because the
 * changed octets cannot be parsed again.
 */
export function finishTarget(head: RequestHead): void {
  const { bytes, base } = head.fields;
  if (head.targetStart < head.targetEnd && bytes[base + head.targetStart] === SLASH) return;
  bytes.copyWithin(base + head.authorityStart - 1, base + head.authorityStart, base + head.authorityEnd);
  head.authorityStart--;
  head.authorityEnd--;
  head.targetStart--;
  bytes[base + head.targetStart] = head.targetStart + 1 === head.targetEnd && head.method === 'OPTIONS' ? ASTERISK : SLASH;
}
