import type { Pieces } from './pieces.ts';

/** Characters of a piece, about. */
const pieceLength = 16 * 1024;
/** Values that a part may have in all to be written in one go. */
const fewValues = 64;

/** JSON of objects that are written again and again, as long as they exist; undefined until it is made. */
const texts = new WeakMap<object, { text?: string }>();

/** Has the JSON of a small object made once, within whatever it is written. The object must not change any more. */
export function keepText(value: object): void {
  if (!texts.has(value)) texts.set(value, {});
}

/**
 * Writes a value as `JSON.stringify` does, in pieces of some thousand characters, each of which takes a fraction of a millisecond. The value is plain data:
 * `toJSON` of an object within it is only called where the object is small.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  let piece = '';
  for (const text of textsOf(value)) {
    piece += text;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** True if a value has so much in it that it should be written in pieces. Looks at no more of it than that takes. */
export function isLarge(value: unknown): boolean {
  return room(value, fewValues * 8) < 0;
}

/** The whole text of a value, made in pieces. */
export function* jsonText(value: unknown): Pieces<string> {
  const pieces: string[] = [];
  for (const piece of jsonPieces(value)) {
    pieces.push(piece);
    yield;
  }
  return pieces.join('');
}

function* textsOf(value: unknown): Generator<string> {
  const kept = typeof value === 'object' && value !== null ? texts.get(value) : undefined;
  if (kept !== undefined) {
    kept.text ??= JSON.stringify(value);
    yield kept.text;
  } else if (room(value, fewValues) >= 0) {
    const text = JSON.stringify(value);
    if (text !== undefined) yield text;
  } else if (Array.isArray(value)) {
    let before = '[';
    for (const one of value) {
      yield before;
      if (isOmitted(one)) yield 'null';
      else yield* textsOf(one);
      before = ',';
    }
    yield before === '[' ? '[]' : ']';
  } else if (typeof value === 'object' && value !== null) {
    let before = '{';
    for (const [key, one] of Object.entries(value)) {
      if (isOmitted(one)) continue;
      yield `${before}${JSON.stringify(key)}:`;
      yield* textsOf(one);
      before = ',';
    }
    yield before === '{' ? '{}' : '}';
  } else yield JSON.stringify(value);
}

/** True for what JSON has no word for: it is left out of a map, and null in a list. */
function isOmitted(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol';
}

/** Number of `most` values that is left after those within `value`; negative if there are more, of which not all may have been counted. */
function room(value: unknown, most: number): number {
  let left = most - 1;
  if (typeof value !== 'object' || value === null) return left;
  if (Array.isArray(value)) {
    if (value.length > left) return -1;
    for (const one of value) {
      left = room(one, left);
      if (left < 0) return left;
    }
    return left;
  }
  for (const key in value) {
    left = room((value as Record<string, unknown>)[key], left);
    if (left < 0) return left;
  }
  return left;
}
