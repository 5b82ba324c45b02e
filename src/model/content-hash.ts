import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Pieces } from './pieces.ts';

/** A {@link contentHash}. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** SHA-256 (hex) of a JSON value. The order of keys makes no difference. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** Like {@link contentHash}, for a map with long lists: each element of such a list is one piece. */
export function* contentHashInPieces(value: Readonly<Record<string, unknown>>): Pieces<string> {
  const hash = createHash('sha256');
  let before = '{';
  for (const [key, field] of sortedEntries(value)) {
    hash.update(`${before}${JSON.stringify(key)}:`);
    before = ',';
    if (!Array.isArray(field)) hash.update(canonicalJson(field));
    else {
      for (const [index, element] of field.entries()) {
        hash.update(`${index === 0 ? '[' : ','}${canonicalJson(element)}`);
        yield;
      }
      hash.update(field.length === 0 ? '[]' : ']');
    }
  }
  return hash.update(before === '{' ? '{}' : '}').digest('hex');
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
