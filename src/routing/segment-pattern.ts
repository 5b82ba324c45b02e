import { decodeSegment } from './percent-encoding.ts';

/**
 * Splits a segment of a resource's path into the literal texts around each `{name}`, decoded; one text if there is no parameter.
 * Throws a `TypeError` with the reason if the segment is malformed.
 */
export function piecesOf(segment: string): string[] {
  const pieces = segment.split(/\{[^{}]+\}/);
  if (pieces.some((piece) => /[{}]/.test(piece))) {
    throw new TypeError(`"${segment}" is not a path segment: a parameter is written {name}, with its braces in one segment`);
  }
  if (pieces.slice(1, -1).includes('')) throw new TypeError(`"${segment}" has two parameters with nothing between them`);
  return pieces.map(decodeSegment);
}

/** Length of the literal text in a segment with parameters; the longer, the more specific. */
export function literalLength(pieces: readonly string[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** True if a segment consists of the literal pieces in order, with at least one character between each two. */
export function fits(segment: string, pieces: readonly string[]): boolean {
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!segment.startsWith(first)) return false;
  let at = first.length;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] as string;
    const found = segment.indexOf(piece, at + 1);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return segment.length - last.length > at && segment.endsWith(last);
}
