/** Octets [start, end) of a body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The octets that a Range field asks for (RFC 9110 section 14.1.2). Undefined: the whole body is sent, because the field is malformed, has another unit or
 * asks for several ranges. `unsatisfiable`: none of its octets exist.
 */
export function byteRange(range: string, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(range) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const start = Math.max(0, length - Number(last));
    return start < length ? { start, end: length } : 'unsatisfiable';
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  const end = last === '' ? length : Math.min(length, Number(last) + 1);
  return Number(first) < length ? { start: Number(first), end } : 'unsatisfiable';
}
