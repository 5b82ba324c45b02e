import { createHash } from 'node:crypto';
import * as z from 'zod';
import { isLarge } from './json-pieces.ts';
import type { Pieces } from './pieces.ts';

/** A {@link contentHash}. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** SHA-256 (hex) of a JSON value. The order of keys makes no difference. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** Like {@link contentHash}, in pieces. */
export function* contentHashInPieces(value: unknown): Pieces<string> {
  const hash = createHash('sha256');
  for (const text of canonicalTexts(value)) {
    hash.update(text);
    yield;
  }
  return hash.digest('hex');
}

/** The canonical JSON in texts, each of which has few values. */
function* canonicalTexts(value: unknown): Generator<string> {
  if (!isLarge(value)) yield canonicalJson(value);
  else if (Array.isArray(value)) {
    let before = '[';
    for (const one of value) {
      yield before;
      yield* canonicalTexts(one);
      before = ',';
    }
    yield ']';
  } else {
    let before = '{';
    for (const [key, field] of sortedEntries(value as object)) {
      yield `${before}${JSON.stringify(key)}:`;
      yield* canonicalTexts(field);
      before = ',';
    }
    yield '}';
  }
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  return `{${sortedEntries(value)
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
    .join(',')}}`;
}

function sortedEntries(value: object): [string, unknown][] {
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}
