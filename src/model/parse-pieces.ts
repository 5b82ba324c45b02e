import { afterSpace, endOfText as endOfTextAt } from './json-text.ts';
import type { Pieces } from './pieces.ts';

/** Characters of text that are parsed in one go; a longer text is worth turns of the event loop. */
export const shortText = 16 * 1024;

const quote = 0x22;

/** A list or map whose text is too long for one go. */
interface Open {
  readonly value: unknown[] | Record<string, unknown>;
  /** Key of the next value of a map. */
  key: string;
}

/**
 * Parses JSON as `JSON.parse` does, in pieces: half a megabyte takes some milliseconds. A value with a short text is parsed at once. Throws a
 * `SyntaxError` for a text that is no JSON.
 */
export function* parsePieces(text: string): Pieces<unknown> {
  if (text.length <= shortText) return JSON.parse(text);
  const open: Open[] = [];
  let at = afterSpace(text, 0);
  for (;;) {
    // At the start of a value.
    let value: unknown;
    const end = endOfValue(text, at);
    if (end === undefined) {
      const around: Open = { value: text[at] === '[' ? [] : {}, key: '' };
      const first = afterSpace(text, at + 1);
      if (text[first] !== closing(around)) {
        open.push(around);
        at = nextKey(text, first, around);
        continue;
      }
      value = around.value;
      at = afterSpace(text, first + 1);
    } else {
      value = JSON.parse(text.slice(at, end));
      at = afterSpace(text, end);
    }
    yield;
    // After a value, which may be the last one of any number of those around it.
    for (;;) {
      const around = open.at(-1);
      if (around === undefined) {
        if (at !== text.length) throw unexpected(text, at);
        return value;
      }
      put(around, value);
      if (text[at] === ',') {
        at = nextKey(text, afterSpace(text, at + 1), around);
        break;
      }
      if (text[at] !== closing(around)) throw unexpected(text, at);
      at = afterSpace(text, at + 1);
      value = around.value;
      open.pop();
    }
  }
}

function closing({ value }: Open): string {
  return Array.isArray(value) ? ']' : '}';
}

function put({ value: around, key }: Open, value: unknown): void {
  if (Array.isArray(around)) around.push(value);
  else if (key === '__proto__') Object.defineProperty(around, key, { value, enumerable: true, configurable: true, writable: true });
  else around[key] = value;
}

/** Reads the key of a map's next value; returns where the value begins. */
function nextKey(text: string, at: number, open: Open): number {
  if (Array.isArray(open.value)) return at;
  if (text.charCodeAt(at) !== quote) throw unexpected(text, at);
  const end = endOfText(text, at);
  open.key = JSON.parse(text.slice(at, end)) as string;
  const colon = afterSpace(text, end);
  if (text[colon] !== ':') throw unexpected(text, colon);
  return afterSpace(text, colon + 1);
}

/** Where the value that begins here ends; undefined for a list or map with a long text. */
function endOfValue(text: string, start: number): number | undefined {
  return text[start] === '[' || text[start] === '{' ? endOfShort(text, start) : endOfScalar(text, start);
}

/** Where the list or map that begins here ends; undefined if its text is not short. */
function endOfShort(text: string, start: number): number | undefined {
  const limit = Math.min(text.length, start + shortText);
  let depth = 0;
  for (let at = start; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfText(text, at) - 1;
      if (at >= limit) return undefined;
    }
    // [ and {, ] and }
    else if (code === 0x5b || code === 0x7b) depth++;
    else if ((code === 0x5d || code === 0x7d) && --depth === 0) return at + 1;
  }
  if (limit === text.length) throw unexpected(text, limit);
  return undefined;
}

/** Where the text, number or word that begins here ends. */
function endOfScalar(text: string, start: number): number {
  if (text.charCodeAt(start) === quote) return endOfText(text, start);
  let at = start;
  while (at < text.length && !/[,\]}\s]/.test(text[at] as string)) at++;
  if (at === start) throw unexpected(text, at);
  return at;
}

/** The place after the quote that ends the text that begins here. */
function endOfText(text: string, start: number): number {
  const end = endOfTextAt(text, start);
  if (end === -1) throw unexpected(text, text.length);
  return end;
}

function unexpected(text: string, at: number): SyntaxError {
  const found = at < text.length ? `${JSON.stringify(text[at])} at position ${at}` : 'the end of the text';
  return new SyntaxError(`${found} was not expected in JSON`);
}
