import { mix } from '../balance/hash-text.ts';
import { type BasePaths, tagOf } from './base-paths.ts';
import { hasText, methodBit, mostWords, PackedSearch, packText } from './packed-resources.ts';
import type { ResourceTree } from './resource-tree.ts';

/** A project, as far as its path leads to a resource. */
export interface RoutedProject<Value> {
  readonly basePath: string;
  /** True: the base path is part of what is forwarded. */
  readonly forwardBasePath: boolean;
  readonly resources: ResourceTree<Value>;
}

/**
 * Numbers before the text of a record, which is its base path: the length of the record in two halves; what it is; its number of values; the index of its first
 * value in two halves. The resources follow on the text, if they could be packed.
 */
const headerWords = 6;
const isPacked = 1;
const forwardsBasePath = 2;
const fewestSlots = 16;
/** Numbers that may be out of use before the records move together. */
const mostWaste = 1 << 16;

/**
 * All projects with their resources in one row of numbers, so that a request for a project that was not used for long costs few cache misses. Finds
 * what most requests ask for; all else must be searched in the projects themselves.
 */
export class PackedRoutes<Project extends RoutedProject<Value>, Value> {
  /** Where the part that is forwarded starts, in the last path that was found. */
  tailStart = 0;
  readonly #basePaths: BasePaths<Project>;
  readonly #search = new PackedSearch();
  /** Two numbers a slot: the tag of a base path, 0: the slot is free; and the index of its record, below 0: it is gone. */
  #slots = new Int32Array(2 * fewestSlots);
  #taken = 0;
  #words = new Uint16Array(1024);
  #used = 0;
  #values: (Value | undefined)[] = [];
  #waste = 0;
  /** Record of the project at `/`; below 0: there is none. */
  #root = -1;
  /** Base paths that cannot be packed: while there are any, nothing is found here. */
  readonly #others = new Set<string>();

  /** @param basePaths of the same projects */
  constructor(basePaths: BasePaths<Project>) {
    this.#basePaths = basePaths;
    for (const project of basePaths) this.set(project);
  }

  /** Returns the value of the resource for a path; null: no project has the path; undefined: it must be searched in the projects. */
  find(path: string, method: string): Value | null | undefined {
    const bit = methodBit(method);
    if (bit === 0 || this.#others.size > 0) return undefined;
    for (let depth = this.#basePaths.hashPrefixes(path); depth > 0; depth--) {
      const tag = this.#basePaths.tagAt(depth);
      if (tag === 0) continue;
      const end = this.#basePaths.endAt(depth);
      const record = this.#recordOf(tag, path, end);
      if (record >= 0) return this.#findIn(record, path, end, bit);
    }
    return this.#root < 0 ? null : this.#findIn(this.#root, path, 0, bit);
  }

  set(project: Project): void {
    const { basePath, resources } = project;
    this.delete(basePath);
    const text: number[] = [];
    const values: Value[] = [];
    if (basePath.length > mostWords || !packText(basePath, text)) {
      this.#others.add(basePath);
      return;
    }
    const tree = resources.pack(values) ?? [];
    if (tree.length === 0) values.length = 0;
    const length = headerWords + text.length + tree.length;
    const kind = (tree.length > 0 ? isPacked : 0) | (project.forwardBasePath ? forwardsBasePath : 0);
    const first = this.#values.length;
    const record = this.#append([length & 0xffff, length >>> 16, kind, values.length, first & 0xffff, first >>> 16, ...text, ...tree]);
    for (const value of values) this.#values.push(value);
    if (basePath === '/') this.#root = record;
    else this.#enter(tagOf(basePath), record);
  }

  delete(basePath: string): void {
    if (basePath === '/') {
      const root = this.#root;
      this.#root = -1;
      if (root >= 0) this.#discard(root);
      return;
    }
    this.#others.delete(basePath);
    const slot = this.#slotOf(tagOf(basePath), basePath, basePath.length);
    if (slot < 0) return;
    const record = this.#slots[slot + 1] as number;
    this.#slots[slot + 1] = -1;
    this.#discard(record);
  }

  #findIn(record: number, path: string, from: number, method: number): Value | undefined {
    const words = this.#words;
    const kind = words[record + 2] as number;
    if ((kind & isPacked) === 0) return undefined;
    const text = record + headerWords;
    const root = text + 1 + (((words[text] as number) + 1) >> 1);
    const index = this.#search.find(words, root, path, from, method);
    if (index < 0) return undefined;
    this.tailStart = (kind & forwardsBasePath) === 0 ? from : 0;
    return this.#values[this.#pair(record + 4) + index];
  }

  /** Index of the slot of a base path, the first `end` characters of `path`; -1: there is none. */
  #slotOf(tag: number, path: string, end: number): number {
    const slots = this.#slots;
    const words = this.#words;
    const last = slots.length - 2;
    for (let slot = (mix(tag) << 1) & last; ; slot = (slot + 2) & last) {
      const found = slots[slot] as number;
      if (found === 0) return -1;
      const text = (slots[slot + 1] as number) + headerWords;
      if (found === tag && text >= headerWords && words[text] === end && hasText(path, 0, end, words, text + 1)) return slot;
    }
  }

  #recordOf(tag: number, path: string, end: number): number {
    const slot = this.#slotOf(tag, path, end);
    return slot < 0 ? -1 : (this.#slots[slot + 1] as number);
  }

  #enter(tag: number, record: number): void {
    if (3 * (this.#taken + 1) > this.#slots.length) this.#rehash();
    this.#put(tag, record);
  }

  #put(tag: number, record: number): void {
    const last = this.#slots.length - 2;
    let slot = (mix(tag) << 1) & last;
    while (this.#slots[slot] !== 0) slot = (slot + 2) & last;
    this.#slots[slot] = tag;
    this.#slots[slot + 1] = record;
    this.#taken++;
  }

  /** Gives each base path a slot in a table with room for twice as many, without the slots of those that are gone. */
  #rehash(): void {
    const before = this.#slots;
    let size = 0;
    for (let slot = 0; slot < before.length; slot += 2) if (before[slot] !== 0 && (before[slot + 1] as number) >= 0) size++;
    let length = 2 * fewestSlots;
    while (length < 6 * size) length *= 2;
    this.#slots = new Int32Array(length);
    this.#taken = 0;
    for (let slot = 0; slot < before.length; slot += 2)
      if (before[slot] !== 0 && (before[slot + 1] as number) >= 0) this.#put(before[slot] as number, before[slot + 1] as number);
  }

  #append(record: ArrayLike<number>): number {
    const at = this.#used;
    this.#used += record.length;
    if (this.#used > this.#words.length) {
      const words = new Uint16Array(2 * this.#used);
      words.set(this.#words.subarray(0, at));
      this.#words = words;
    }
    this.#words.set(record, at);
    return at;
  }

  /** Frees the values of a record, and moves all records together once much is out of use. The record must not be in use any more. */
  #discard(record: number): void {
    const first = this.#pair(record + 4);
    this.#values.fill(undefined, first, first + (this.#words[record + 3] as number));
    this.#waste += this.#pair(record);
    if (this.#waste > mostWaste && 2 * this.#waste > this.#used) this.#compact();
  }

  #compact(): void {
    const [words, values] = [this.#words, this.#values];
    this.#words = new Uint16Array(2 * (this.#used - this.#waste));
    this.#values = [];
    this.#used = 0;
    this.#waste = 0;
    const move = (record: number): number => {
      const length = (words[record] as number) | ((words[record + 1] as number) << 16);
      const first = (words[record + 4] as number) | ((words[record + 5] as number) << 16);
      const moved = this.#append(words.subarray(record, record + length));
      this.#words[moved + 4] = this.#values.length & 0xffff;
      this.#words[moved + 5] = this.#values.length >>> 16;
      for (const value of values.slice(first, first + (words[record + 3] as number))) this.#values.push(value);
      return moved;
    };
    if (this.#root >= 0) this.#root = move(this.#root);
    for (let slot = 0; slot < this.#slots.length; slot += 2)
      if (this.#slots[slot] !== 0 && (this.#slots[slot + 1] as number) >= 0) this.#slots[slot + 1] = move(this.#slots[slot + 1] as number);
  }

  #pair(at: number): number {
    return (this.#words[at] as number) | ((this.#words[at + 1] as number) << 16);
  }
}
