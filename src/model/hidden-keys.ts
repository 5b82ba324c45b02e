import { createHash } from 'node:crypto';
import { isLarge } from './json-pieces.ts';
import type { Pieces } from './pieces.ts';

/** A private key in PEM (RFC 7468), also one that has lost its end. */
const keyBlock = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;
const digest = /hidden private key sha256:[0-9a-f]{64}/g;

/** Characters of the shortest text that has a digest in place of a key. */
const hiddenLength = 'hidden private key sha256:'.length + 64;

/** True for a text that {@link hideKeys} puts in place of a private key. */
export function isHiddenKey(text: string): boolean {
  return text.length >= hiddenLength && text.search(digest) >= 0;
}

/** Setting that is a key as a whole, and not in PEM. */
const bareKey = 'hmac';

/**
 * Returns a value in which a digest stands for every private key, wherever a text within it has one; the value itself if there is none.
 * {@link restoreKeys} reverses that.
 */
export function hideKeys<Value>(value: Value): Value {
  return hidden(value, '') as Value;
}

/** Like {@link hideKeys}, in pieces: half a megabyte takes some milliseconds. */
export function* hideKeysInPieces<Value>(value: Value): Pieces<Value> {
  return (yield* hiddenInPieces(value, '')) as Value;
}

/** @param name key of the map that has the value */
function* hiddenInPieces(value: unknown, name: string): Pieces<unknown> {
  if (value === null || typeof value !== 'object' || !isLarge(value)) return hidden(value, name);
  let changed: object | undefined;
  for (const [key, part] of Object.entries(value)) {
    const shown: unknown = yield* hiddenInPieces(part, Array.isArray(value) ? name : key);
    yield;
    if (shown === part) continue;
    changed ??= Array.isArray(value) ? [...value] : { ...value };
    Object.defineProperty(changed, key, { value: shown, enumerable: true, configurable: true, writable: true });
  }
  return changed ?? value;
}

function hidden(value: unknown, name: string): unknown {
  if (!someText(value, hasKey, name)) return value;
  return mapTexts(
    value,
    (text, key) => {
      if (key === bareKey && text !== '' && !isHiddenKey(text)) return standIn(text);
      return text.includes('PRIVATE KEY-----') ? text.replace(keyBlock, standIn) : text;
    },
    name,
  );
}

/** Returns a value with the keys of `known` in place of their digests. A digest of no key in `known` stays. */
export function restoreKeys<Value>(value: Value, known: unknown): Value {
  if (!hasHiddenKey(value)) return value;
  const keys = new Map<string, string>();
  mapTexts(known, (text, name) => {
    for (const block of name === bareKey ? [text] : (text.match(keyBlock) ?? [])) keys.set(standIn(block), block);
    return text;
  });
  return mapTexts(value, (text) => text.replace(digest, (name) => keys.get(name) ?? name)) as Value;
}

/** True if a text within `value` has the digest of a key in place of the key. */
export function hasHiddenKey(value: unknown): boolean {
  return someText(value, isHiddenKey);
}

function standIn(block: string): string {
  return `hidden private key sha256:${createHash('sha256').update(block.replace(/\s+/g, ' ').trim()).digest('hex')}`;
}

/** True if a text is a private key or has one in it. @param name key of the map that has the text */
function hasKey(text: string, name: string): boolean {
  return (name === bareKey && text !== '' && !isHiddenKey(text)) || text.includes('PRIVATE KEY-----');
}

/** True if a text within lists and maps passes the test. Makes nothing, so that half a megabyte without any key costs little. */
function someText(value: unknown, test: (text: string, name: string) => boolean, name = ''): boolean {
  if (typeof value === 'string') return test(value, name);
  if (value === null || typeof value !== 'object') return false;
  if (Array.isArray(value)) {
    for (const entry of value) if (someText(entry, test, name)) return true;
    return false;
  }
  for (const key in value) if (someText((value as Record<string, unknown>)[key], test, key)) return true;
  return false;
}

/** Replaces every text within lists and maps. Parts without a change stay the same objects. @param name key of the map that has the value */
function mapTexts(value: unknown, change: (text: string, name: string) => string, name = ''): unknown {
  if (typeof value === 'string') return change(value, name);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const list = value.map((entry) => mapTexts(entry, change, name));
    return list.some((entry, index) => entry !== value[index]) ? list : value;
  }
  const before = Object.entries(value);
  const after = before.map(([key, entry]) => [key, mapTexts(entry, change, key)] as const);
  return after.some(([, entry], index) => entry !== before[index]?.[1]) ? Object.fromEntries(after) : value;
}
