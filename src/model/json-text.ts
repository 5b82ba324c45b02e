const quote = 0x22;
const backslash = 0x5c;

/** The place after the quote that ends the text that begins here; -1 if none does. */
export function endOfText(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = at;
    while (text.charCodeAt(slashes - 1) === backslash) slashes--;
    if ((at - slashes) % 2 === 0) return at + 1;
  }
  return -1;
}

/** The first place from `start` on that is no space of JSON. */
export function afterSpace(text: string, start: number): number {
  let at = start;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = text.charCodeAt(at)) at++;
  return at;
}

/** A key of a map, and the places of it and of its value. */
export interface KeyPlace {
  readonly key: string;
  readonly keyAt: number;
  readonly valueAt: number;
}

/** Reads the key whose opening quote is here; undefined if the text there is a value. The text is valid JSON. */
export function keyAt(text: string, start: number): KeyPlace | undefined {
  const end = endOfText(text, start);
  const colon = afterSpace(text, end);
  if (text.charCodeAt(colon) !== 0x3a) return undefined;
  const inner = text.slice(start + 1, end - 1);
  const key = inner.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inner;
  return { key, keyAt: start, valueAt: afterSpace(text, colon + 1) };
}

/** Facts about a text that `JSON.parse` accepts and does not tell. */
export interface JsonForm {
  /** Keys that a map has twice, each as the path to it: the first ones. */
  readonly doubled: readonly (readonly (string | number)[])[];
  /** Deepest nesting of lists and maps. */
  readonly depth: number;
}

/** A list or map around the present place. */
interface Level {
  /** Undefined for a list. */
  readonly keys: Set<string> | undefined;
  step: string | number;
}

/**
 * Looks for keys that a map has twice: JSON leaves open which of their values counts (RFC 8259 section 4), so that two programs may read such a text in two
 * ways. Keys are compared as they are read: `"\u0061"` is `"a"`. One pass over the text, which is valid JSON.
 *
 * @param most doubled keys to report
 */
export function formOfJson(text: string, most = 10): JsonForm {
  const doubled: (string | number)[][] = [];
  const open: Level[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const level = open[open.length - 1];
    if (code === quote) {
      const found = level?.keys === undefined ? undefined : keyAt(text, at);
      if (found === undefined || level?.keys === undefined) {
        at = endOfText(text, at) - 1;
        continue;
      }
      level.step = found.key;
      if (level.keys.has(found.key) && doubled.length < most) doubled.push(open.map(({ step }) => step));
      level.keys.add(found.key);
      at = found.valueAt - 1;
    }
    // { and [
    else if (code === 0x7b || code === 0x5b) {
      open.push({ keys: code === 0x7b ? new Set() : undefined, step: 0 });
      if (open.length > depth) depth = open.length;
    }
    // } and ]
    else if (code === 0x7d || code === 0x5d) open.pop();
    else if (code === 0x2c && typeof level?.step === 'number' && level.keys === undefined) level.step++;
  }
  return { doubled, depth };
}
