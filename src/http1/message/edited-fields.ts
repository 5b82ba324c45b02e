import { fieldIds } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { type FieldName, type FieldNames, fieldName } from './field-name.ts';
import type { HeaderFields } from './message-view.ts';
import { octetClasses, VALUE } from './octets.ts';

/** One edit. */
interface Edit {
  readonly name: FieldName;
  /** The line to append; undefined: none, or a later edit has replaced or removed it. */
  value: string | undefined;
  /** The name was removed or replaced, received or not. */
  readonly removes: boolean;
  next: Edit | undefined;
}

/** Longest value that is kept as the last one of its name, in characters. */
const mostKept = 256;
const noLists: readonly FieldNames[] = [];
const noLines: readonly number[] = [];

/**
 * A head's fields with edits on top. The received octets stay unchanged; the edits are applied when the head is forwarded. A name that is
 * removed or set covers the spellings that CGI and WSGI read as the same name, and the trailer section.
 */
export class EditedFields implements HeaderFields {
  readonly #lines: FieldLines;
  /** Indexes of the received lines that are dropped. This list and the next one are shared and empty until they are needed. */
  #struck = noLines as number[];
  #removedTogether = noLists as FieldNames[];
  // A chain: an array for a few edits would take several times the memory.
  #first: Edit | undefined;
  #last: Edit | undefined;

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  /** The same edits, to which others can be added. */
  copy(): EditedFields {
    const copy = new EditedFields(this.#lines);
    if (this.#struck !== noLines) copy.#struck = [...this.#struck];
    if (this.#removedTogether !== noLists) copy.#removedTogether = [...this.#removedTogether];
    for (let edit = this.#first; edit !== undefined; edit = edit.next) copy.#append({ ...edit, next: undefined });
    return copy;
  }

  /** Lines to append, in order, each with its CRLF. */
  get addedLines(): string {
    let lines = '';
    for (let edit = this.#first; edit !== undefined; edit = edit.next)
      if (edit.value !== undefined) lines += `${edit.name.given}: ${edit.value}\r\n`;
    return lines;
  }

  /** Says whether received line `index` was removed or replaced. */
  struck(index: number): boolean {
    return this.#struck.length > 0 && this.#struck.includes(index);
  }

  /** Says whether a field named as line `index` of a trailer section was removed or replaced. */
  removes(trailers: FieldLines, index: number): boolean {
    for (let edit = this.#first; edit !== undefined; edit = edit.next)
      if (edit.removes && trailers.alike(index, edit.name.folded)) return true;
    for (const { names } of this.#removedTogether) for (const { folded } of names) if (trailers.alike(index, folded)) return true;
    return false;
  }

  get(name: string): string | undefined {
    const { lower } = fieldName(name);
    let joined: string | undefined;
    for (let index = 0; index < this.#lines.count; index++) {
      if (!this.#has(index, lower)) continue;
      const value = this.#lines.value(index);
      joined = joined === undefined ? value : `${joined}, ${value}`;
    }
    for (let edit = this.#first; edit !== undefined; edit = edit.next) {
      if (edit.value !== undefined && edit.name.lower === lower) joined = joined === undefined ? edit.value : `${joined}, ${edit.value}`;
    }
    return joined;
  }

  all(name: string): string[] {
    const { lower } = fieldName(name);
    const values: string[] = [];
    for (let index = 0; index < this.#lines.count; index++) if (this.#has(index, lower)) values.push(this.#lines.value(index));
    for (let edit = this.#first; edit !== undefined; edit = edit.next)
      if (edit.value !== undefined && edit.name.lower === lower) values.push(edit.value);
    return values;
  }

  set(name: string, value: string, checked = false): void {
    const known = checked ? checkedName(name) : nameFor(name, value);
    this.#drop(known.folded);
    this.#append({ name: known, value, removes: true, next: undefined });
  }

  add(name: string, value: string): void {
    this.#append({ name: nameFor(name, value), value, removes: false, next: undefined });
  }

  remove(name: string): void {
    const known = fieldName(name);
    this.#drop(known.folded);
    this.#append({ name: known, value: undefined, removes: true, next: undefined });
  }

  removeAll(list: FieldNames): void {
    if (this.#removedTogether === noLists) this.#removedTogether = [list];
    else this.#removedTogether.push(list);
    if (this.#first !== undefined) for (const { folded } of list.names) this.#dropAdded(folded);
    for (let index = 0; index < this.#lines.count; index++) {
      if (!list.mayHave(this.#lines.nameEnd(index) - this.#lines.start(index))) continue;
      for (const { folded } of list.names) if (this.#lines.alike(index, folded)) this.#strike(index);
    }
  }

  entries(): [name: string, value: string][] {
    const entries: [string, string][] = [];
    for (let index = 0; index < this.#lines.count; index++) {
      if (this.#forwarded(index) && !this.struck(index)) entries.push([this.#lines.name(index), this.#lines.value(index)]);
    }
    for (let edit = this.#first; edit !== undefined; edit = edit.next)
      if (edit.value !== undefined) entries.push([edit.name.given, edit.value]);
    return entries;
  }

  #append(edit: Edit): void {
    if (this.#last === undefined) this.#first = edit;
    else this.#last.next = edit;
    this.#last = edit;
  }

  /** Drops the lines of a name, received and added. */
  #drop(folded: string): void {
    if (this.#first !== undefined) this.#dropAdded(folded);
    for (let index = 0; index < this.#lines.count; index++) if (this.#lines.alike(index, folded)) this.#strike(index);
  }

  #dropAdded(folded: string): void {
    for (let edit = this.#first; edit !== undefined; edit = edit.next) if (edit.name.folded === folded) edit.value = undefined;
  }

  #strike(index: number): void {
    if (!this.#forwarded(index) || this.struck(index)) return;
    if (this.#struck === noLines) this.#struck = [index];
    else this.#struck.push(index);
  }

  /** Says whether received line `index` has this name, and is shown. */
  #has(index: number, lower: string): boolean {
    return this.#lines.named(index, lower) && this.#forwarded(index) && !this.struck(index);
  }

  /** Hop-by-hop lines and struck lines, whose ids are below 0, are not forwarded, so they are not shown either. */
  #forwarded(index: number): boolean {
    return this.#lines.id(index) > fieldIds.struck;
  }
}

function checkedName(name: string): FieldName {
  const known = fieldName(name);
  if (!known.valid) throw new TypeError(`"${name}" is not a valid field name (RFC 9110 section 5.1); use letters, digits and "-"`);
  return known;
}

/** Checks name and value. */
function nameFor(name: string, value: string): FieldName {
  const known = checkedName(name);
  // Most fields have the same value each time.
  if (value === known.lastValue) return known;
  if (!isValue(value))
    throw new TypeError(
      `the value of ${name} contains a control character or one beyond Latin-1, which field values must not contain (RFC 9110 section 5.5)`,
    );
  if (value.length <= mostKept) known.lastValue = value;
  return known;
}

function isValue(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || ((octetClasses[code] as number) & VALUE) === 0) return false;
  }
  return true;
}
