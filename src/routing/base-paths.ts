import { mix } from '../balance/hash-text.ts';

const slash = 0x2f;
const fewestSlots = 8;
/** Tag of a slot that no base path has taken. */
const free = 0;

/**
 * Finds the value whose base path is the longest prefix of a path, at a segment's end. One pass over the path hashes its prefix at each
 * `/` (FNV-1a); a hash table of numbers then shows which prefixes may be base paths. A prefix that is no base path costs no string and
 * no access to any value. At most as many prefixes are tried as the deepest base path has segments, however many base paths there are.
 * Values are added and removed in place, at a cost that does not depend on their number, except when the table doubles.
 */
export class BasePaths<Value extends { readonly basePath: string }> {
  #root: Value | undefined;
  #size = 0;
  /** Open-addressing hash table: a tag in each slot that is taken, and its value at the same index. At most two thirds are taken. */
  #tags = new Int32Array(fewestSlots);
  #values: (Value | undefined)[] = new Array(fewestSlots).fill(undefined);
  #mask = fewestSlots - 1;
  /** Number of base paths by their number of segments, and by their length. */
  readonly #depths = new Population();
  readonly #lengths = new Population();
  /** Hashes of the current path's prefixes, by number of segments. */
  #hashes = new Int32Array(0);
  /** Ends of these prefixes. */
  #ends = new Int32Array(0);

  /** @param values with normalised, distinct base paths: `/`, or without a slash at the end */
  constructor(values: Iterable<Value> = []) {
    for (const value of values) this.set(value);
  }

  /** Adds a value; it replaces the one with the same base path. */
  set(value: Value): void {
    const { basePath } = value;
    if (basePath === '/') {
      this.#root = value;
      return;
    }
    const tag = tagOf(basePath);
    const slot = this.#slotOf(tag, basePath);
    if (this.#tags[slot] !== free) {
      this.#values[slot] = value;
      return;
    }
    this.#take(slot, tag, value);
    this.#lengths.add(basePath.length);
    this.#depths.add(depthOf(basePath));
    this.#fit();
    if (3 * ++this.#size > 2 * this.#tags.length) this.#double();
  }

  /** Returns the value with exactly this base path. */
  get(basePath: string): Value | undefined {
    return basePath === '/' ? this.#root : this.#values[this.#slotOf(tagOf(basePath), basePath)];
  }

  /** Removes the value with this base path, if there is one. */
  delete(basePath: string): void {
    if (basePath === '/') {
      this.#root = undefined;
      return;
    }
    const slot = this.#slotOf(tagOf(basePath), basePath);
    if (this.#tags[slot] === free) return;
    this.#clear(slot);
    this.#size--;
    this.#lengths.remove(basePath.length);
    this.#depths.remove(depthOf(basePath));
    this.#fit();
  }

  *[Symbol.iterator](): IterableIterator<Value> {
    if (this.#root !== undefined) yield this.#root;
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  /** @param path normalised */
  longestOf(path: string): Value | undefined {
    for (let depth = this.hashPrefixes(path); depth > 0; depth--) {
      if (this.#depths.counts[depth] === 0) continue;
      const value = this.#search((this.#hashes[depth] as number) | 1, path, this.#ends[depth] as number);
      if (value !== undefined) return value;
    }
    return this.#root;
  }

  /** Tag of a base path that is the prefix with that number; 0: no base path has that many segments. @param depth from 1 to the result of {@link hashPrefixes} */
  tagAt(depth: number): number {
    return this.#depths.counts[depth] === 0 ? 0 : (this.#hashes[depth] as number) | 1;
  }

  /** End of the prefix with that number. */
  endAt(depth: number): number {
    return this.#ends[depth] as number;
  }

  /** Hashes the prefixes that end before a `/` or at the path's end, up to the length of the longest base path. Returns their number. */
  hashPrefixes(path: string): number {
    const deepest = this.#ends.length - 1;
    const longest = this.#lengths.greatest;
    const stop = Math.min(path.length, longest + 1);
    let hash = seed;
    let depth = 0;
    for (let index = 0; index < stop; index++) {
      const code = path.charCodeAt(index);
      if (code === slash && index > 0) {
        this.#hashes[++depth] = hash;
        this.#ends[depth] = index;
        if (depth === deepest) return depth;
      }
      hash = Math.imul(hash ^ code, prime);
    }
    if (path.length <= longest && depth < deepest) {
      this.#hashes[++depth] = hash;
      this.#ends[depth] = path.length;
    }
    return depth;
  }

  #search(tag: number, path: string, end: number): Value | undefined {
    for (let slot = mix(tag) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const found = this.#tags[slot];
      if (found === free) return undefined;
      if (found !== tag) continue;
      const value = this.#values[slot] as Value;
      if (value.basePath.length === end && path.startsWith(value.basePath)) return value;
    }
  }

  /** The slot with this base path, or else the free one that it belongs into. */
  #slotOf(tag: number, basePath: string): number {
    let slot = mix(tag) & this.#mask;
    while (this.#tags[slot] !== free && this.#values[slot]?.basePath !== basePath) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #take(slot: number, tag: number, value: Value): void {
    this.#tags[slot] = tag;
    this.#values[slot] = value;
  }

  /** Frees a slot, and moves into the gap each later entry of the same run that a search could no longer reach. */
  #clear(slot: number): void {
    let gap = slot;
    for (let next = (slot + 1) & this.#mask; this.#tags[next] !== free; next = (next + 1) & this.#mask) {
      const tag = this.#tags[next] as number;
      const home = mix(tag) & this.#mask;
      if (((next - home) & this.#mask) < ((next - gap) & this.#mask)) continue;
      this.#take(gap, tag, this.#values[next] as Value);
      gap = next;
    }
    this.#tags[gap] = free;
    this.#values[gap] = undefined;
  }

  #double(): void {
    const [tags, values] = [this.#tags, this.#values];
    this.#mask = 2 * tags.length - 1;
    this.#tags = new Int32Array(2 * tags.length);
    this.#values = new Array(2 * tags.length).fill(undefined);
    values.forEach((value, index) => {
      if (value === undefined) return;
      const tag = tags[index] as number;
      this.#take(this.#slotOf(tag, value.basePath), tag, value);
    });
  }

  /** Gives the prefixes of a path as much room as the deepest base path needs. */
  #fit(): void {
    const room = this.#size === 0 && this.#depths.greatest === 0 ? 0 : this.#depths.greatest + 1;
    if (this.#ends.length === room) return;
    this.#hashes = new Int32Array(room);
    this.#ends = new Int32Array(room);
  }
}

/** Number of base paths that have each number of segments, or each length. */
class Population {
  readonly counts: number[] = [0];
  /** The greatest number that any has; 0: there are none. */
  greatest = 0;

  add(number: number): void {
    while (this.counts.length <= number) this.counts.push(0);
    this.counts[number] = (this.counts[number] as number) + 1;
    this.greatest = Math.max(this.greatest, number);
  }

  remove(number: number): void {
    this.counts[number] = (this.counts[number] as number) - 1;
    while (this.greatest > 0 && this.counts[this.greatest] === 0) this.greatest--;
  }
}

const seed = 0x811c9dc5 | 0;
const prime = 0x01000193;

/** A base path's hash, made odd, so that it is never the mark of a free slot. */
export function tagOf(text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), prime);
  return hash | 1;
}

function depthOf(basePath: string): number {
  let depth = 0;
  for (let index = 0; index < basePath.length; index++) if (basePath.charCodeAt(index) === slash) depth++;
  return depth;
}
