import type { FieldLines } from './field-lines.ts';
import { scanFieldLines } from './field-scanner.ts';
import { COLON, CR, endOfRun, HTAB, LF, NAME, octetClasses, SP, TOKEN, VALUE } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** Result of a parser: the octets so far are valid, but not complete. */
export const INCOMPLETE = 0;

/**
 * Parses field lines and the empty line that ends them (RFC 9112 section 5) in [first, stop) of `fields.bytes`.
 * @returns the position after the empty line; {@link INCOMPLETE} if that has not arrived yet; or a fault
 */
export function parseFieldLines(fields: FieldLines, first: number, stop: number, maxFields: number): number | WireFault {
  const scanned = scanFieldLines(fields, first, stop, Math.min(maxFields, fields.capacity));
  return scanned > 0 ? scanned : parseOctets(fields, first, stop, maxFields);
}

/** Does the same octet by octet, for all that {@link scanFieldLines} leaves. */
function parseOctets(fields: FieldLines, first: number, stop: number, maxFields: number): number | WireFault {
  const bytes = fields.bytes;
  const base = fields.base;
  const most = Math.min(maxFields, fields.capacity);
  let at = first;
  fields.slots[0] = first - base;
  for (;;) {
    const start = at;
    at = endOfRun(bytes, at, stop, NAME);
    if (at === stop) return INCOMPLETE;
    let octet = bytes[at] as number;
    if (octet !== COLON && ((octetClasses[octet] as number) & TOKEN) !== 0) {
      fields.oddNames = true;
      at = endOfRun(bytes, at, stop, TOKEN);
      if (at === stop) return INCOMPLETE;
      octet = bytes[at] as number;
    }
    if (octet !== COLON || at === start) {
      if (octet !== CR || at !== start) return nameFault(octet, at === start, fields.count === 0);
      if (++at === stop) return INCOMPLETE;
      return bytes[at] === LF ? at + 1 : wireFaults.bareCarriageReturn;
    }
    if (fields.count === most) return wireFaults.tooManyFields;
    const nameEnd = at;

    do {
      if (++at === stop) return INCOMPLETE;
      octet = bytes[at] as number;
    } while (octet === SP || octet === HTAB);
    const valueStart = at;
    at = endOfRun(bytes, at, stop, VALUE);
    if (at === stop) return INCOMPLETE;
    let valueEnd = at;
    if (bytes[at] !== CR) return bytes[at] === LF ? wireFaults.bareLineFeed : wireFaults.badFieldValue;
    if (++at === stop) return INCOMPLETE;
    if (bytes[at] !== LF) return wireFaults.bareCarriageReturn;
    at++;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    fields.add(start - base, nameEnd - base, valueStart - base, valueEnd - base, at - base);
  }
}

function nameFault(octet: number, atStart: boolean, firstLine: boolean): WireFault {
  if (octet === LF) return wireFaults.bareLineFeed;
  if (octet === SP || octet === HTAB) {
    if (!atStart) return wireFaults.spaceBeforeColon;
    return firstLine ? wireFaults.leadingSpace : wireFaults.foldedLine;
  }
  return wireFaults.badFieldName;
}
