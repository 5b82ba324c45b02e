import { afterSpace, endOfText, keyAt } from '../../model/json-text.ts';

/** A part of the text: where its key is, or else itself, and where its value begins. */
interface Place {
  readonly keyAt: number;
  readonly valueAt: number;
}

/**
 * Finds the lines of parts of a JSON text. Only the lists and maps on the way to a part that is looked for are read, each of them once, so that
 * nothing is kept of a large text that has no faults.
 */
export class JsonPlaces {
  readonly #text: string;
  /** Parts of a list or map, by the place where it begins. */
  readonly #parts = new Map<number, ReadonlyMap<string, Place>>();
  /** Places where lines begin; made for the first line that is looked for. */
  #lines: number[] | undefined;

  /** @param text valid JSON */
  constructor(text: string) {
    this.#text = text;
  }

  /** The line, from 1, of the key or value at a path, or of the nearest part around it that exists. */
  lineOf(path: readonly PropertyKey[], part: 'key' | 'value'): number {
    let place: Place = { keyAt: afterSpace(this.#text, 0), valueAt: afterSpace(this.#text, 0) };
    for (const [index, step] of path.entries()) {
      const next = this.#partsAt(place.valueAt).get(String(step));
      if (next === undefined) return this.#lineAt(index === 0 ? place.valueAt : place.keyAt);
      place = next;
    }
    return this.#lineAt(part === 'key' ? place.keyAt : place.valueAt);
  }

  #partsAt(start: number): ReadonlyMap<string, Place> {
    const known = this.#parts.get(start);
    if (known !== undefined) return known;
    const parts = new Map<string, Place>();
    const isMap = this.#text[start] === '{';
    if (isMap || this.#text[start] === '[') {
      for (let at = afterSpace(this.#text, start + 1), index = 0; this.#text[at] !== '}' && this.#text[at] !== ']'; index++) {
        const key = isMap ? keyAt(this.#text, at) : undefined;
        const place = key ?? { keyAt: at, valueAt: at };
        parts.set(key?.key ?? String(index), place);
        at = afterSpace(this.#text, this.#endOfValue(place.valueAt));
        if (this.#text[at] === ',') at = afterSpace(this.#text, at + 1);
      }
    }
    this.#parts.set(start, parts);
    return parts;
  }

  #endOfValue(start: number): number {
    let depth = 0;
    for (let at = start; at < this.#text.length; at++) {
      switch (this.#text[at]) {
        case '"':
          at = endOfText(this.#text, at) - 1;
          if (depth === 0) return at + 1;
          break;
        case '{':
        case '[':
          depth++;
          break;
        case '}':
        case ']':
          if (depth === 0) return at;
          if (--depth === 0) return at + 1;
          break;
        case ',':
          if (depth === 0) return at;
      }
    }
    return this.#text.length;
  }

  #lineAt(offset: number): number {
    if (this.#lines === undefined) {
      this.#lines = [0];
      for (let at = this.#text.indexOf('\n'); at !== -1; at = this.#text.indexOf('\n', at + 1)) this.#lines.push(at + 1);
    }
    let low = 0;
    let high = this.#lines.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}
