import { fieldIds } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { COMMA, DIGIT, isSpace, octetClasses, SP, spells, ZERO } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const chunkedWord = Buffer.from('chunked');

/**
 * Reads a Content-Length line; -1 if its value is not a number up to 2^53 - 1. Only digits are accepted: a list of equal numbers, which a
 * recipient may accept (RFC 9110 section 8.6), is refused, as callers refuse a second line.
 */
export function contentLengthOf(fields: FieldLines, line: number): number {
  const { bytes, base } = fields;
  const start = base + fields.valueStart(line);
  const end = base + fields.valueEnd(line);
  if (start === end) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const octet = bytes[at] as number;
    if (((octetClasses[octet] as number) & DIGIT) === 0) return -1;
    length = length * 10 + (octet - ZERO);
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  if (bytes[start] === ZERO && end - start > 1) blankLeadingZeros(fields, line);
  return length;
}

/**
 * Replaces leading zeros by spaces, which are optional there (RFC 9112 section 5). They are valid, but a recipient that takes them for the
 * sign of an octal number would read another length, so that they are never forwarded.
 */
function blankLeadingZeros(fields: FieldLines, line: number): void {
  const { bytes, base } = fields;
  const end = fields.valueEnd(line);
  let start = fields.valueStart(line);
  while (start < end - 1 && bytes[base + start] === ZERO) bytes[base + start++] = SP;
  fields.startValue(line, start);
}

/**
 * Checks that all Transfer-Encoding lines together are just `chunked` (RFC 9112 sections 6.1 and 6.3). A list that does not end in a single
 * `chunked` is malformed; a coding before `chunked` is unknown. Empty list elements are refused, because implementations interpret them
 * differently.
 */
export function checkTransferEncoding(fields: FieldLines): WireFault | undefined {
  const { bytes, base } = fields;
  let chunked = false;
  let others = false;
  for (let line = 0; line < fields.count; line++) {
    if (fields.id(line) !== fieldIds['transfer-encoding']) continue;
    const end = base + fields.valueEnd(line);
    let start = base + fields.valueStart(line);
    for (let at = start; ; at++) {
      if (at < end && bytes[at] !== COMMA) continue;
      let last = at;
      while (start < last && isSpace(bytes[start])) start++;
      while (start < last && isSpace(bytes[last - 1])) last--;
      if (chunked || start === last) return wireFaults.badTransferEncoding;
      if (spells(bytes, start, last, chunkedWord)) chunked = true;
      else others = true;
      start = at + 1;
      if (at >= end) break;
    }
  }
  if (!chunked) return wireFaults.badTransferEncoding;
  return others ? wireFaults.unknownCoding : undefined;
}
