import { mix } from '../balance/hash-text.ts';

const slash = 0x2f;

/**
 * Finds what belongs to a path by base paths: the longest one wins, and it ends where a segment ends. One pass over the path hashes it up
 * to each `/` (FNV-1a), then a table of numbers tells which of these prefixes may be base paths: what is no base path costs no
 * string and no look at any. However many there are, and however long the path is, no more is tried than the longest base path has segments.
 */
export class BasePaths<Value extends { readonly basePath: string }> {
  readonly #values: readonly Value[];
  readonly #root: Value | undefined;
  readonly #longest: number;
  /** Which numbers of segments base paths have. */
  readonly #depths: Uint8Array;
  /** Pairs of a hash and an index above 0 into `#values`; 0: free. Searched from a hash's own place on. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Of the path at hand, by number of segments. */
  readonly #hashes: Int32Array;
  readonly #ends: Int32Array;

  /** Base paths are normalised and distinct: `/`, or without a slash at the end. */
  constructor(values: readonly Value[]) {
    this.#values = values;
    this.#root = values.find(({ basePath }) => basePath === '/');
    this.#longest = values.reduce((most, { basePath }) => Math.max(most, basePath.length), 0);
    const places = 2 ** Math.ceil(Math.log2(1.5 * values.length + 1));
    this.#slots = new Int32Array(2 * places);
    this.#mask = places - 1;
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

  /** Hashes what ends before each `/` and at the end, as far as base paths reach. Returns how many these are. */
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
    for (let place = mix(hash) & this.#mask; ; place = (place + 1) & this.#mask) {
      const index = this.#slots[2 * place + 1] as number;
      if (index === 0) return undefined;
      if (this.#slots[2 * place] !== hash) continue;
      const value = this.#values[index - 1] as Value;
      if (value.basePath.length === end && path.startsWith(value.basePath)) return value;
    }
  }

  #insert(hash: number, index: number): void {
    let place = mix(hash) & this.#mask;
    while (this.#slots[2 * place + 1] !== 0) place = (place + 1) & this.#mask;
    this.#slots[2 * place] = hash;
    this.#slots[2 * place + 1] = index;
  }
}

const seed = 0x811c9dc5 | 0;
const prime = 0x01000193;

function hashOf(text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), prime);
  return hash;
}
