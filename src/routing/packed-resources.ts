/**
 * Resources of a project as numbers of 16 bits in a row: reading them costs one or two cache misses, where objects cost one each.
 *
 * Layout of a node: length of the name, the name with two characters in a number; numbers of offers here, of offers below, of literal
 * children; place of the child for a parameter, 0: none; for each offer its methods and the index of its value; the places of the literal children.
 * Places are counted from the root, which has place 0.
 */

/** Most literal children of a packed node: they are compared one by one. */
export const mostLiterals = 32;
/** Most numbers of a packed project, so that each place and index is one number. */
export const mostWords = 0xffff;

const everyMethod = 0xffff;
const methodBits = new Map(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'].map((name, bit) => [name, 1 << bit]));

/** The bit of a method; 0: it has none, and resources must be searched in their tree. */
export function methodBit(method: string): number {
  return methodBits.get(method) ?? 0;
}

/** The methods that a resource takes. HEAD is taken wherever GET is (RFC 9110 section 9.3.2). Methods without a bit are left out. */
export function methodsMask(methods: readonly string[] | undefined): number {
  if (methods === undefined) return everyMethod;
  let mask = 0;
  for (const method of methods) mask |= methodBit(method) | (method === 'GET' ? methodBit('HEAD') : 0);
  return mask;
}

/** Appends a text: its length, then two characters in a number. False if it has other characters than Latin-1, or too many. */
export function packText(text: string, words: number[]): boolean {
  words.push(text.length);
  for (let index = 0; index < text.length; index += 2) {
    const [first, second] = [text.charCodeAt(index), text.charCodeAt(index + 1) || 0];
    if (first > 0xff || second > 0xff) return false;
    words.push(first | (second << 8));
  }
  return text.length <= mostWords;
}

/** Says whether `text` has the `length` characters that are packed at `at` of `words`, from index `start` on. */
export function hasText(text: string, start: number, length: number, words: Uint16Array, at: number): boolean {
  let word = at;
  let index = 0;
  for (; index + 1 < length; index += 2) {
    const code = text.charCodeAt(start + index);
    if (code > 0xff || (code | (text.charCodeAt(start + index + 1) << 8)) !== words[word++]) return false;
  }
  return index === length || text.charCodeAt(start + index) === words[word];
}

const slash = 0x2f;
const percent = 0x25;
/** Result of a search: no resource has the path. */
const none = -1;
/** Result of a search: the tree must decide, because a segment is percent-encoded or a resource does not take the method. */
export const undecided = -2;

/** Searches packed resources as `ResourceTree` does. */
export class PackedSearch {
  #words: Uint16Array = new Uint16Array(0);
  #root = 0;
  #path = '';
  #end = 0;
  #method = 0;

  /** Returns the index of the value, or a number below 0. @param root index of the root in `words` @param from where the part after the base path starts */
  find(words: Uint16Array, root: number, path: string, from: number, method: number): number {
    this.#words = words;
    this.#root = root;
    this.#path = path;
    this.#end = path.length > from && path.charCodeAt(path.length - 1) === slash ? path.length - 1 : path.length;
    this.#method = method;
    return this.#search(root, from);
  }

  /** @param node index of the node @param start index of the `/` before the next segment, or the end */
  #search(node: number, start: number): number {
    const words = this.#words;
    const counts = node + 1 + (((words[node] as number) + 1) >> 1);
    const here = words[counts] as number;
    const below = words[counts + 1] as number;
    const offers = counts + 4;
    if (start >= this.#end) return this.#choose(offers, here);
    const path = this.#path;
    let stop = start + 1;
    for (; stop < this.#end; stop++) {
      const code = path.charCodeAt(stop);
      if (code === slash) break;
      if (code === percent) return undecided;
    }
    const length = stop - start - 1;
    const children = offers + 2 * (here + below);
    for (let child = children + (words[counts + 2] as number) - 1; child >= children; child--) {
      const literal = this.#root + (words[child] as number);
      if (words[literal] !== length || !hasText(path, start + 1, length, words, literal + 1)) continue;
      const found = this.#search(literal, stop);
      if (found !== none) return found;
      break;
    }
    const parameter = words[counts + 3] as number;
    if (parameter > 0 && length > 0) {
      const found = this.#search(this.#root + parameter, stop);
      if (found !== none) return found;
    }
    return this.#choose(offers + 2 * here, below);
  }

  /** The first offer that takes the method. */
  #choose(offers: number, count: number): number {
    const words = this.#words;
    for (let offer = offers; offer < offers + 2 * count; offer += 2)
      if (((words[offer] as number) & this.#method) !== 0) return words[offer + 1] as number;
    return count === 0 ? none : undecided;
  }
}
