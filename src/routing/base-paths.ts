import { mix } from '../balance/hash-text.ts';

const slash = 0x2f;

/**
 * Finds the value whose base path is the longest prefix of a path, at a segment's end. One pass over the path hashes its prefix at each
 * `/` (FNV-1a); a hash table of numbers then shows which prefixes may be base paths. A prefix that is no base path costs no string and
 * no access to any value. At most as many prefixes are tried as the deepest base path has segments, however many base paths there are.
 */
export class BasePaths<Value extends { readonly basePath: string }> {
  readonly #values: readonly Value[];
  readonly #root: Value | undefined;
  readonly #longest: number;
  /** 1 at each number of segments that a base path has. */
  readonly #depths: Uint8Array;
  /** Open-addressing hash table: pairs of a hash and an index into `#values`, counted from 1; 0: free slot. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Hashes of the current path's prefixes, by number of segments. */
  readonly #hashes: Int32Array;
  /** Ends of these prefixes. */
  readonly #ends: Int32Array;

  /** @param values with normalised, distinct base paths: `/`, or without a slash at the end */
  constructor(values: readonly Value[]) {
    this.#values = values;
    this.#root = values.find(({ basePath }) => basePath === '/');
    this.#longest = values.reduce((most, { basePath }) => Math.max(most, basePath.length), 0);
    const slots = 2 ** Math.ceil(Math.log2(1.5 * values.length + 1));
    this.#slots = new Int32Array(2 * slots);
    this.#mask = slots - 1;
    const depths = values.map(({ basePath }) => basePath.split('/').length - 1);
    const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
    this.#depths = new Uint8Array(deepest + 1);
    this.#hashes = new Int32Array(deepest + 1);
    this.#ends = new Int32Array(deepest + 1);
    values.forEach(({ basePath }, index) => {
      if (basePath === '/') return;
      this.#depths[depths[index] as number] = 1;
      this.#insert(hashOf(basePath), index + 1);
    });
  }

  /** @param path normalised */
  longestOf(path: string): Value | undefined {
    for (let depth = this.#hashPrefixes(path); depth > 0; depth--) {
      if (this.#depths[depth] === 0) continue;
      const value = this.#search(this.#hashes[depth] as number, path, this.#ends[depth] as number);
      if (value !== undefined) return value;
    }
    return this.#root;
  }

  /** Hashes the prefixes that end before a `/` or at the path's end, up to the length of the longest base path. Returns their number. */
  #hashPrefixes(path: string): number {
    const deepest = this.#ends.length - 1;
    const stop = Math.min(path.length, this.#longest + 1);
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
    if (path.length <= this.#longest && depth < deepest) {
      this.#hashes[++depth] = hash;
      this.#ends[depth] = path.length;
    }
    return depth;
  }

  #search(hash: number, path: string, end: number): Value | undefined {
    for (let slot = mix(hash) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = this.#slots[2 * slot + 1] as number;
      if (index === 0) return undefined;
      if (this.#slots[2 * slot] !== hash) continue;
      const value = this.#values[index - 1] as Value;
      if (value.basePath.length === end && path.startsWith(value.basePath)) return value;
    }
  }

  #insert(hash: number, index: number): void {
    let slot = mix(hash) & this.#mask;
    while (this.#slots[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = index;
  }
}

const seed = 0x811c9dc5 | 0;
const prime = 0x01000193;

function hashOf(text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), prime);
  return hash;
}
