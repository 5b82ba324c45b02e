import { fieldIdOf, fieldIds } from './field-ids.ts';
import { copyOctets, foldedName, lowerCase } from './octets.ts';

/** The internal method behind `Buffer.toString`, which would look up the name of the encoding each time. */
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Buffer, start: number, end: number): string };

const slotsPerLine = 5;
/** Size of the buffer that {@link FieldLines.retain} reuses. A larger head gets its own buffer. */
const keptBytes = 4096;

/**
 * The field lines (RFC 9112 section 5) of one head or trailer section, as positions in the received bytes. All positions count from `base`,
 * the first byte of the message. One object is reused for many messages. Text is decoded only on request.
 */
export class FieldLines {
  /** Number of lines that fit. The parser refuses a message with more. */
  readonly capacity: number;
  bytes: Buffer = Buffer.alloc(0);
  base = 0;
  /** Bytes of the head, its closing empty line included. Set when the head is complete. */
  length = 0;
  count = 0;
  /** A name has other characters than letters, digits and hyphens. */
  oddNames = false;
  /**
   * Five numbers per line: start, end of name, start of value, end of value, id. The start of the line after the last one is set as well.
   */
  readonly slots: Int32Array;
  #kept: Buffer | undefined;

  constructor(capacity = 128) {
    this.capacity = capacity;
    this.slots = new Int32Array((capacity + 1) * slotsPerLine);
  }

  /**
   * Start of line `index`. Line i spans [start(i), start(i + 1)), its CRLF included. start(0) is the end of the start line, even without
   * fields.
   */
  start(index: number): number {
    return this.slots[index * slotsPerLine] as number;
  }

  nameEnd(index: number): number {
    return this.slots[index * slotsPerLine + 1] as number;
  }

  /** White space around the value is outside [valueStart, valueEnd). */
  valueStart(index: number): number {
    return this.slots[index * slotsPerLine + 2] as number;
  }

  valueEnd(index: number): number {
    return this.slots[index * slotsPerLine + 3] as number;
  }

  /** The id from {@link fieldIds}, 0 for any other name; below 0 if the line must not be forwarded. */
  id(index: number): number {
    return this.slots[index * slotsPerLine + 4] as number;
  }

  /** The name of line `index` as sent. */
  name(index: number): string {
    return this.text(this.start(index), this.nameEnd(index));
  }

  /** The value of line `index` as Latin-1 text. */
  value(index: number): string {
    return this.text(this.valueStart(index), this.valueEnd(index));
  }

  /** The bytes between two positions, as Latin-1 text. */
  text(start: number, end: number): string {
    return latin1Slice.call(this.bytes, this.base + start, this.base + end);
  }

  /** Says whether line `index` has the name `lowerName`, which is given in lower case. */
  named(index: number, lowerName: string): boolean {
    const slot = index * slotsPerLine;
    const start = this.slots[slot] as number;
    const length = (this.slots[slot + 1] as number) - start;
    if (length !== lowerName.length) return false;
    const at = this.base + start;
    for (let offset = 0; offset < length; offset++) {
      if (lowerCase[this.bytes[at + offset] as number] !== lowerName.charCodeAt(offset)) return false;
    }
    return true;
  }

  /** Says whether CGI and WSGI may take the name of line `index` for `folded`, a result of `foldName`. */
  alike(index: number, folded: string): boolean {
    const slot = index * slotsPerLine;
    const start = this.slots[slot] as number;
    const length = (this.slots[slot + 1] as number) - start;
    if (length !== folded.length) return false;
    const at = this.base + start;
    for (let offset = 0; offset < length; offset++) {
      if (foldedName[this.bytes[at + offset] as number] !== folded.charCodeAt(offset)) return false;
    }
    return true;
  }

  /** The first line with this id at or after `from`, or -1. Struck lines have lost their id. */
  indexOf(id: number, from = 0): number {
    for (let index = from; index < this.count; index++) {
      if (this.slots[index * slotsPerLine + 4] === id) return index;
    }
    return -1;
  }

  /** All values of the field joined by `, ` (RFC 9110 section 5.3), or undefined if the field is missing. */
  get(name: string): string | undefined {
    const lowerName = name.toLowerCase();
    let joined: string | undefined;
    for (let index = 0; index < this.count; index++) {
      if (!this.named(index, lowerName)) continue;
      joined = joined === undefined ? this.value(index) : `${joined}, ${this.value(index)}`;
    }
    return joined;
  }

  /** The value of each line with that name, in order. */
  all(name: string): string[] {
    const lowerName = name.toLowerCase();
    const values: string[] = [];
    for (let index = 0; index < this.count; index++) {
      if (this.named(index, lowerName)) values.push(this.value(index));
    }
    return values;
  }

  /** Every line in order, names as sent. */
  entries(): [name: string, value: string][] {
    const entries: [string, string][] = [];
    for (let index = 0; index < this.count; index++) entries.push([this.name(index), this.value(index)]);
    return entries;
  }

  /** Copies the head out of the buffer that it was parsed in, so that the buffer can be reused. */
  retain(): void {
    let copy = this.#kept;
    if (this.length > keptBytes) copy = Buffer.allocUnsafeSlow(this.length);
    else if (copy === undefined) copy = this.#kept = Buffer.allocUnsafeSlow(keptBytes);
    copyOctets(this.bytes, this.base, this.base + this.length, copy, 0);
    this.bytes = copy;
    this.base = 0;
  }

  /** Removes all lines. Lines {@link add added} from now on are positions in `bytes`, counted from `base`. */
  reset(bytes: Buffer, base: number): void {
    this.bytes = bytes;
    this.base = base;
    this.length = 0;
    this.count = 0;
    this.oddNames = false;
  }

  /** Adds one line; `next` is the start of the line after it. Call only while `count` is below `capacity`. */
  add(start: number, nameEnd: number, valueStart: number, valueEnd: number, next: number): void {
    const { slots, base } = this;
    const slot = this.count * slotsPerLine;
    slots[slot] = start;
    slots[slot + 1] = nameEnd;
    slots[slot + 2] = valueStart;
    slots[slot + 3] = valueEnd;
    slots[slot + 4] = fieldIdOf(this.bytes, base + start, base + nameEnd);
    slots[slot + 5] = next;
    this.count++;
  }

  /** Takes over `count` lines, as they are in `slots`, with the start of the line after them. */
  take(slots: Int32Array, count: number): void {
    const { slots: own } = this;
    const end = count * slotsPerLine;
    for (let slot = 0; slot <= end; slot++) own[slot] = slots[slot] as number;
    this.count = count;
  }

  /** Moves the start of the value of line `index`: what was before it has become white space. */
  startValue(index: number, start: number): void {
    this.slots[index * slotsPerLine + 2] = start;
  }

  /** Strikes line `index`: it can still be read by name, but must not be forwarded. */
  strike(index: number): void {
    this.slots[index * slotsPerLine + 4] = fieldIds.struck;
  }
}
