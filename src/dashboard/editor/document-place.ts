/** A step from the root of a document to a value: the key of a map, or the position in a list. */
export type Step = string | number;

/** The place of the cursor in a document in YAML or JSON, also while the document is incomplete. */
export interface DocumentPlace {
  /** `key`: a key can be written in the map at `path`, or, if that is none, a value. `value`: the value at `path`. */
  readonly kind: 'key' | 'value';
  readonly path: readonly Step[];
  /** Offset at which the word at the cursor begins, after an opening quote. */
  readonly from: number;
  /** Keys that the map has already. */
  readonly used: ReadonlySet<string>;
  /** Inside braces or brackets, as in JSON. */
  readonly flow: boolean;
  /** The quote that opens the word; empty: it has none. */
  readonly quote: '"' | "'" | '';
  /** The column of the word; in flow it has no meaning. */
  readonly column: number;
  /** True after the dash of a list entry. */
  readonly afterDash: boolean;
}

/** A map or list that is open at some point of the text. */
interface Frame {
  readonly kind: 'map' | 'list';
  /** Column of its keys or dashes; -1: it is in braces or brackets. */
  readonly column: number;
  /** The key that was read last, or the number of commas or dashes before. */
  at: Step | undefined;
  readonly used: Set<string>;
  /** In braces: a colon has been read since the last comma. */
  afterColon: boolean;
}

/** `key: rest`, with or without quotes around the key. */
const keyed = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s"'#{}[\],&*!|>%@`-][^#]*?|-[^\s#][^#]*?))\s*:(?=\s|$)/;

/** Finds the place at an offset; undefined: nothing can be completed there, as in a comment or in a text of several lines. */
export function placeAt(text: string, offset: number): DocumentPlace | undefined {
  return new PlaceReader(text, offset).read();
}

/** Reads a document up to the cursor, line by line, and character by character within braces. Tolerates whatever is not understood. */
class PlaceReader {
  readonly #text: string;
  readonly #offset: number;
  readonly #frames: Frame[] = [];
  #at = 0;
  /** Lines indented further than this belong to a text in block style (`|`, `>`); undefined: there is none. */
  #blockText: number | undefined;

  constructor(text: string, offset: number) {
    this.#text = text;
    this.#offset = offset;
  }

  read(): DocumentPlace | undefined {
    for (;;) {
      const ending = this.#text.indexOf('\n', this.#at);
      const end = ending === -1 ? this.#text.length : ending;
      const isLast = this.#offset <= end;
      const found = this.#readLine(isLast ? this.#offset : end, isLast);
      if (found !== 'next') return found;
      if (this.#at > this.#offset) return undefined;
    }
  }

  /** Reads the rest of a line up to `end`, and more lines if a value goes on there. */
  #readLine(end: number, isLast: boolean): DocumentPlace | undefined | 'next' {
    const line = this.#text.slice(this.#at, end);
    let column = line.length - line.trimStart().length;
    if (this.#blockText !== undefined && (line.trim() === '' || column > this.#blockText)) {
      return isLast ? undefined : this.#next(end);
    }
    this.#blockText = undefined;
    if (line.trim() === '') return isLast ? this.#blockPlace(column, false) : this.#next(end);
    if (line.startsWith('#', column)) return isLast ? undefined : this.#next(end);
    if (/^(?:---|\.\.\.)/.test(line)) return isLast ? undefined : this.#next(end);
    let afterDash = false;
    for (let dash = /^-(?:\s+|$)/.exec(line.slice(column)); dash !== null; dash = /^-(?:\s+|$)/.exec(line.slice(column))) {
      if (isLast && column + dash[0].length === line.length && dash[0] === '-') return undefined;
      this.#dash(column);
      column += dash[0].length;
      afterDash = true;
    }
    const rest = line.slice(column);
    const [matched, double, single, plain] = keyed.exec(rest) ?? [];
    if (matched === undefined) return this.#readValue(column, end, isLast, afterDash);
    this.#key(column, double ?? single ?? plain ?? '');
    const value = column + rest.length - rest.slice(matched.length).trimStart().length;
    // Directly after the colon nothing can be written yet.
    if (isLast && value === column + matched.length && value === line.length) return undefined;
    if (/^[|>]/.test(line.slice(value))) {
      this.#blockText = column;
      return isLast ? undefined : this.#next(end);
    }
    return this.#readValue(value, end, isLast, false, true);
  }

  /** Reads what is no key: a list or map in brackets, a text, or the word at the cursor. `column` is that of its beginning in the present line. */
  #readValue(column: number, end: number, isLast: boolean, afterDash: boolean, afterKey = false): DocumentPlace | undefined | 'next' {
    const begin = this.#at + column;
    const char = this.#text[begin];
    if (char === '{' || char === '[') return this.#readFlow(begin);
    if (char === '"' || char === "'") {
      const closing = this.#closingQuote(begin, char);
      if (closing !== undefined && closing < this.#offset) return isLast ? undefined : this.#next(this.#lineEnd(closing));
      return this.#wordPlace(column, begin + 1, char, afterDash, afterKey);
    }
    if (!isLast) return this.#next(end);
    if (/\s#/.test(this.#text.slice(begin, end))) return undefined;
    return this.#wordPlace(column, begin, '', afterDash, afterKey);
  }

  /** Reads braces and brackets from `begin` to their end, or to the cursor. */
  #readFlow(begin: number): DocumentPlace | undefined | 'next' {
    const depth = this.#frames.length;
    let word = begin;
    for (let index = begin; index < this.#offset; index++) {
      const char = this.#text[index] as string;
      const top = this.#frames.at(-1);
      if (char === '{' || char === '[') {
        this.#frames.push({
          kind: char === '{' ? 'map' : 'list',
          column: -1,
          at: char === '[' ? 0 : undefined,
          used: new Set(),
          afterColon: false,
        });
        word = index + 1;
      } else if (char === '}' || char === ']') {
        this.#frames.pop();
        word = index + 1;
        if (this.#frames.length === depth) return this.#afterFlow(index + 1);
      } else if (char === ',' && top !== undefined) {
        top.afterColon = false;
        top.at = typeof top.at === 'number' ? top.at + 1 : undefined;
        word = index + 1;
      } else if ((char === '"' || char === "'") && this.#text.slice(word, index).trim() === '') {
        const closing = this.#closingQuote(index, char);
        if (closing === undefined || closing >= this.#offset) return this.#flowPlace(index + 1, char);
        index = closing;
      } else if (char === ':' && top?.kind === 'map' && !top.afterColon && this.#endsKey(word, index)) {
        const key = this.#text.slice(word, index).trim();
        top.at = /^["'].*["']$/s.test(key) ? key.slice(1, -1) : key;
        top.used.add(top.at);
        top.afterColon = true;
        word = index + 1;
      } else if (char === '#' && /\s/.test(this.#text[index - 1] ?? '')) {
        index = this.#lineEnd(index);
        if (index >= this.#offset) return undefined;
        word = index + 1;
      }
    }
    const begun = this.#text.slice(word, this.#offset).trimStart();
    return this.#flowPlace(this.#offset - begun.length, '');
  }

  /** A colon ends a plain key only before a space; after a quoted key it always does. */
  #endsKey(word: number, colon: number): boolean {
    return /^\s*["']/.test(this.#text.slice(word, colon)) || /^[\s,{}[\]]?$/.test(this.#text[colon + 1] ?? '');
  }

  #afterFlow(index: number): undefined | 'next' {
    const end = this.#lineEnd(index);
    return this.#offset <= end ? undefined : this.#next(end);
  }

  #flowPlace(from: number, quote: '"' | "'" | ''): DocumentPlace | undefined {
    // A word that has been closed by its quote is complete.
    if (quote === '' && /^["']/.test(this.#text.slice(from, this.#offset))) return undefined;
    const top = this.#frames.at(-1) as Frame;
    const isKey = top.kind === 'map' && !top.afterColon;
    const used = new Set([...top.used, ...(isKey ? this.#laterKeysInFlow() : [])]);
    return { kind: isKey ? 'key' : 'value', path: this.#path(isKey), from, used, flow: true, quote, column: 0, afterDash: false };
  }

  /** The place of a word in block style that begins at `column`. */
  #wordPlace(column: number, from: number, quote: '"' | "'" | '', afterDash: boolean, afterKey: boolean): DocumentPlace | undefined {
    if (!afterKey) return { ...this.#blockPlace(column, afterDash), from, quote };
    return { kind: 'value', path: this.#path(false), from, used: new Set(), flow: false, quote, column, afterDash };
  }

  /** The place of a key, or of a value of any kind, at a column. */
  #blockPlace(column: number, afterDash: boolean): DocumentPlace {
    this.#leave(column);
    if (this.#frames.at(-1)?.kind === 'list' && this.#frames.at(-1)?.column === column) this.#frames.pop();
    const top = this.#frames.at(-1);
    const within = top?.kind === 'map' && top.column === column;
    const used = new Set([...(within ? top.used : []), ...this.#laterKeys(column)]);
    return { kind: 'key', path: this.#path(within), from: this.#offset, used, flow: false, quote: '', column, afterDash };
  }

  #path(withoutLast: boolean): Step[] {
    return (withoutLast ? this.#frames.slice(0, -1) : this.#frames).flatMap(({ at }) => (at === undefined ? [] : [at]));
  }

  #dash(column: number): void {
    this.#leave(column);
    const top = this.#frames.at(-1);
    if (top?.kind === 'list' && top.column === column) top.at = Number(top.at) + 1;
    else this.#frames.push({ kind: 'list', column, at: 0, used: new Set(), afterColon: false });
  }

  #key(column: number, key: string): void {
    this.#leave(column);
    if (this.#frames.at(-1)?.kind === 'list' && this.#frames.at(-1)?.column === column) this.#frames.pop();
    let top = this.#frames.at(-1);
    if (top?.kind !== 'map' || top.column !== column) {
      top = { kind: 'map', column, at: key, used: new Set(), afterColon: false };
      this.#frames.push(top);
    }
    top.at = key;
    top.used.add(key);
  }

  /** Ends the maps and lists that are indented further. */
  #leave(column: number): void {
    while ((this.#frames.at(-1)?.column ?? -1) > column) this.#frames.pop();
  }

  /** Keys of the same map in the lines after the cursor. */
  *#laterKeys(column: number): Generator<string> {
    for (let at = this.#lineEnd(this.#offset) + 1; at < this.#text.length; at = this.#lineEnd(at) + 1) {
      const line = this.#text.slice(at, this.#lineEnd(at));
      const indent = line.length - line.trimStart().length;
      if (line.trim() === '' || indent > column) continue;
      if (indent < column) return;
      const [, double, single, plain] = keyed.exec(line.slice(column)) ?? [];
      const key = double ?? single ?? plain;
      if (key === undefined) return;
      yield key;
    }
  }

  /** Keys of the same braces after the cursor. */
  *#laterKeysInFlow(): Generator<string> {
    let depth = 0;
    for (const [token] of this.#text.slice(this.#offset).matchAll(/"(?:[^"\\\n]|\\.)*"\s*:?|[\w.$-]+\s*:(?=\s)|[{}[\]]/g)) {
      if (token === '{' || token === '[') depth++;
      else if (token === '}' || token === ']') {
        if (depth-- === 0) return;
      } else if (depth === 0 && token.endsWith(':')) yield token.replace(/\s*:$/, '').replace(/^"(.*)"$/, '$1');
    }
  }

  #closingQuote(begin: number, quote: '"' | "'"): number | undefined {
    for (let index = begin + 1; index < this.#text.length; index++) {
      if (quote === '"' && this.#text[index] === '\\') index++;
      else if (this.#text[index] === quote) {
        if (quote === '"' || this.#text[index + 1] !== quote) return index;
        index++;
      }
    }
    return undefined;
  }

  #lineEnd(from: number): number {
    const ending = this.#text.indexOf('\n', from);
    return ending === -1 ? this.#text.length : ending;
  }

  #next(end: number): 'next' {
    this.#at = end + 1;
    return 'next';
  }
}
