import type { FieldLines } from './field-lines.ts';
import { fieldIds } from './field-names.ts';
import type { HeaderFields } from './message.ts';
import { octetClasses, TOKEN, VALUE } from './octets.ts';

/** A head's fields with changes on top; the octets stay as they came, and the changes are applied when the head is sent on. */
export class EditedFields implements HeaderFields {
  readonly #lines: FieldLines;
  /** Names, in lower case, whose original lines are gone. */
  readonly #struck = new Set<string>();
  #added: [name: string, value: string][] = [];

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  /** Whether anything differs from what came. */
  get changed(): boolean {
    return this.#struck.size > 0 || this.#added.length > 0;
  }

  /** The lines to append, in order. */
  get added(): readonly (readonly [name: string, value: string])[] {
    return this.#added;
  }

  /** Whether original line `index` was removed or replaced. */
  struck(index: number): boolean {
    if (this.#struck.size === 0) return false;
    for (const name of this.#struck) if (this.#lines.named(index, name)) return true;
    return false;
  }

  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  all(name: string): string[] {
    const lower = name.toLowerCase();
    const values = this.#struck.has(lower) ? [] : this.#original(lower);
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
    const lower = name.toLowerCase();
    if (this.#original(lower).length > 0) this.#struck.add(lower);
    this.#added = this.#added.filter(([added]) => added.toLowerCase() !== lower);
  }

  entries(): [name: string, value: string][] {
    const entries: [string, string][] = [];
    for (let index = 0; index < this.#lines.count; index++) {
      if (this.#forwarded(index) && !this.struck(index)) entries.push([this.#lines.name(index), this.#lines.value(index)]);
    }
    return [...entries, ...this.#added];
  }

  #original(lowerName: string): string[] {
    const values: string[] = [];
    for (let index = 0; index < this.#lines.count; index++) {
      if (this.#forwarded(index) && this.#lines.named(index, lowerName)) values.push(this.#lines.value(index));
    }
    return values;
  }

  /** Lines about the connection alone are not part of what is passed on. */
  #forwarded(index: number): boolean {
    return this.#lines.id(index) > fieldIds.nominated;
  }
}

function check(name: string, value: string): void {
  if (!consistsOf(name, TOKEN) || name === '') throw new TypeError(`"${name}" is not a field name (RFC 9110 section 5.1)`);
  if (!consistsOf(value, VALUE))
    throw new TypeError(`the value for ${name} holds a character that no field value may hold (RFC 9110 section 5.5)`);
}

function consistsOf(text: string, octetClass: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || ((octetClasses[code] as number) & octetClass) === 0) return false;
  }
  return true;
}
