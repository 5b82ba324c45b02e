import { fieldIds } from './field-ids.ts';
import { type FieldLines, foldName } from './field-lines.ts';
import type { HeaderFields } from './message-view.ts';
import { octetClasses, TOKEN, VALUE } from './octets.ts';

const noNames: readonly string[] = [];

/**
 * A head's fields with edits on top. The received octets stay unchanged; the edits are applied when the head is forwarded. A name that is
 * removed or set covers the spellings that CGI and WSGI read as the same name, and the trailer section.
 */
export class EditedFields implements HeaderFields {
  readonly #lines: FieldLines;
  /** Folded names whose received lines are dropped. */
  readonly #struck = new Set<string>();
  /** All folded names that were removed or replaced, received or not. */
  #removed = noNames;
  #added: [name: string, value: string][] = [];

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  /** True if the fields differ from the received ones. */
  get changed(): boolean {
    return this.#struck.size > 0 || this.#added.length > 0;
  }

  /** Lines to append, in order. */
  get added(): readonly (readonly [name: string, value: string])[] {
    return this.#added;
  }

  /** Says whether received line `index` was removed or replaced. */
  struck(index: number): boolean {
    if (this.#struck.size === 0) return false;
    for (const name of this.#struck) if (this.#lines.alike(index, name)) return true;
    return false;
  }

  /** Says whether a field named as line `index` of a trailer section was removed or replaced. */
  removes(trailers: FieldLines, index: number): boolean {
    return this.#removed.some((name) => trailers.alike(index, name));
  }

  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  all(name: string): string[] {
    const lower = name.toLowerCase();
    const values = this.#struck.size > 0 && this.#struck.has(foldName(lower)) ? [] : this.#received(lower);
    for (const [added, value] of this.#added) if (added.toLowerCase() === lower) values.push(value);
    return values;
  }

  set(name: string, value: string): void {
    check(name, value);
    this.remove(name);
    this.#added.push([name, value]);
  }

  add(name: string, value: string): void {
    check(name, value);
    this.#added.push([name, value]);
  }

  remove(name: string): void {
    const folded = foldName(name);
    if (!this.#removed.includes(folded)) this.#removed = [...this.#removed, folded];
    for (let index = 0; index < this.#lines.count; index++) {
      if (!this.#forwarded(index) || !this.#lines.alike(index, folded)) continue;
      this.#struck.add(folded);
      break;
    }
    if (this.#added.length > 0) this.#added = this.#added.filter(([added]) => foldName(added) !== folded);
  }

  entries(): [name: string, value: string][] {
    const entries: [string, string][] = [];
    for (let index = 0; index < this.#lines.count; index++) {
      if (this.#forwarded(index) && !this.struck(index)) entries.push([this.#lines.name(index), this.#lines.value(index)]);
    }
    return [...entries, ...this.#added];
  }

  #received(lowerName: string): string[] {
    const values: string[] = [];
    for (let index = 0; index < this.#lines.count; index++) {
      if (this.#forwarded(index) && this.#lines.named(index, lowerName)) values.push(this.#lines.value(index));
    }
    return values;
  }

  /** Hop-by-hop lines and struck lines, whose ids are below 0, are not forwarded, so they are not shown either. */
  #forwarded(index: number): boolean {
    return this.#lines.id(index) > fieldIds.struck;
  }
}

function check(name: string, value: string): void {
  if (!consistsOf(name, TOKEN) || name === '')
    throw new TypeError(`"${name}" is not a valid field name (RFC 9110 section 5.1); use letters, digits and "-"`);
  if (!consistsOf(value, VALUE))
    throw new TypeError(
      `the value of ${name} contains a control character or one beyond Latin-1, which field values must not contain (RFC 9110 section 5.5)`,
    );
}

function consistsOf(text: string, octetClass: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || ((octetClasses[code] as number) & octetClass) === 0) return false;
  }
  return true;
}
