import { createHash } from 'node:crypto';

/** A private key in PEM (RFC 7468), also one that has lost its end. */
const keyBlock = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;
const hidden = /hidden private key sha256:[0-9a-f]{64}/g;

/** Characters of the shortest text that has a digest in place of a key. */
const hiddenLength = 'hidden private key sha256:'.length + 64;

/** True for a text that {@link hideKeys} puts in place of a private key. */
export function isHiddenKey(text: string): boolean {
  return text.length >= hiddenLength && text.search(hidden) >= 0;
}

/** Setting that is a key as a whole, and not in PEM. */
const bareKey = 'hmac';

/**
 * Returns a value in which a digest stands for every private key, wherever a text within it has one; the value itself if there is none.
 * {@link restoreKeys} reverses that.
 */
export function hideKeys<Value>(value: Value): Value {
  if (!someText(value, hasKey)) return value;
  return mapTexts(value, (text, name) => {
    if (name === bareKey && text !== '' && !isHiddenKey(text)) return standIn(text);
    return text.includes('PRIVATE KEY-----') ? text.replace(keyBlock, standIn) : text;
  }) as Value;
}

/** Returns a value with the keys of `known` in place of their digests. A digest of no key in `known` stays. */
export function restoreKeys<Value>(value: Value, known: unknown): Value {
  if (!hasHiddenKey(value)) return value;
  const keys = new Map<string, string>();
  mapTexts(known, (text, name) => {
    for (const block of name === bareKey ? [text] : (text.match(keyBlock) ?? [])) keys.set(standIn(block), block);
    return text;
  });
  return mapTexts(value, (text) => text.replace(hidden, (name) => keys.get(name) ?? name)) as Value;
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
