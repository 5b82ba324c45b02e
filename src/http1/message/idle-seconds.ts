import type { FieldLines } from './field-lines.ts';
import { DIGIT, octetClasses, spells, ZERO } from './octets.ts';

const parameter = Buffer.from('timeout=');
/** Beyond this many seconds a timeout is as good as none. */
const maxSeconds = 1_000_000;

/** Milliseconds before the end of the peer's idle timeout at which an idle connection is closed; half of that timeout if it is short. */
const marginMs = 1000;

/** Reads `timeout=N` of a Keep-Alive field, in seconds (RFC 2068 section 19.7.1.1); -1 if the field does not have it. */
export function idleSecondsOf(fields: FieldLines, line: number): number {
  const { bytes, base } = fields;
  const end = base + fields.valueEnd(line);
  for (let at = base + fields.valueStart(line); at + parameter.length < end; at++) {
    if (!spells(bytes, at, at + parameter.length, parameter)) continue;
    let seconds = -1;
    for (let digit = at + parameter.length; digit < end && isDigit(bytes[digit] as number); digit++) {
      seconds = Math.min(maxSeconds, Math.max(0, seconds) * 10 + (bytes[digit] as number) - ZERO);
    }
    return seconds;
  }
  return -1;
}

/** Milliseconds for which an idle connection is kept whose peer closes it after `seconds`. A request sent just before that would meet its FIN. */
export function keptIdleMs(seconds: number): number {
  const ms = seconds * 1000;
  return ms - Math.min(marginMs, ms / 2);
}

function isDigit(octet: number): boolean {
  return ((octetClasses[octet] as number) & DIGIT) !== 0;
}
