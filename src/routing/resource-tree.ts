import { methodsMask, mostLiterals, mostWords, packText } from './packed-resources.ts';
import { decodeSegment } from './percent-encoding.ts';
import { fits, literalLength, piecesOf } from './segment-pattern.ts';

/** Path and methods of one resource. */
export interface ResourceEntry<Value> {
  /** Starts with `/`; `{name}` matches one segment or a part of one. */
  readonly path: string;
  /** Undefined: every method. */
  readonly methods?: readonly string[] | undefined;
  /** True if the resource also matches every path below its own. */
  readonly childPaths: boolean;
  readonly value: Value;
}

/** Result of a search. `allowed`: a resource has the path, but only for these methods (405). */
export type Found<Value> = { readonly value: Value } | { readonly allowed: ReadonlySet<string> };

/**
 * Finds the most specific of a project's resources for a path and a method. Segment by segment from the left, a literal
 * wins over a segment with parameters, which wins over a bare `{parameter}`, which wins over `childPaths`. A trailing slash makes
 * no difference. A method that differs from one of a resource by letter case only goes to no other resource. Segments are compared decoded (`%40` is `@`, while `%2F` separates nothing).
 * A search visits each node at most once. It reads as few objects for other paths as possible: among thousands of projects, each
 * object is likely to be a cache miss.
 */
export class ResourceTree<Value> {
  readonly #root = new Node<Value>('');

  /** Adds a resource. Throws a `TypeError` with the reason if its path is malformed, or taken for one of its methods. */
  add(entry: ResourceEntry<Value>): void {
    let node = this.#root;
    for (const segment of entry.path.split('/')) if (segment !== '') node = node.childFor(piecesOf(segment));
    node.here = append(node.here, entry);
    if (entry.childPaths) node.below = append(node.below, entry);
  }

  /** Packs the resources; undefined: a path has a segment that is partly a parameter, or the tree is too large. @param values get the resources' values */
  pack(values: Value[]): number[] | undefined {
    const words: number[] = [];
    return packNode(this.#root, words, values) && words.length <= mostWords ? words : undefined;
  }

  /**
   * Finds the resource for a path and method; undefined if no resource matches the path (404).
   *
   * @param path normalised
   * @param from index at which the part after the base path starts: a `/`, or the end of the path
   */
  find(path: string, method: string, from = 0): Found<Value> | undefined {
    const end = path.length > from && path.charCodeAt(path.length - 1) === slash ? path.length - 1 : path.length;
    const search: Search = { path, end, encoded: path.includes('%', from), method, allowed: undefined, miscased: false };
    const found = findIn(this.#root, from, search);
    if (found !== undefined && !search.miscased) return found;
    return search.allowed === undefined ? undefined : { allowed: search.allowed };
  }
}

const slash = 0x2f;
/** Maximum number of literal children that are compared one by one; with more, a map is used. */
const few = 8;

/** A resource at a node, and the next one there. */
interface Offer<Value> {
  readonly value: Value;
  readonly methods: readonly string[] | undefined;
  next: Offer<Value> | undefined;
}

class Node<Value> {
  /** Decoded segment of a literal; else empty. */
  readonly name: string;
  /** Length of the name, which with its first character tells most names apart without reading the string. */
  readonly length: number;
  readonly first: number;
  /** First literal child. */
  literal: Node<Value> | undefined;
  /** Next literal child of the same parent. */
  sibling: Node<Value> | undefined;
  /** Resources with exactly this path. */
  here: Offer<Value> | undefined;
  /** Resources that also match every path below. */
  below: Offer<Value> | undefined;
  /** Child for any segment that is not empty: a bare `{parameter}`. */
  parameter: Node<Value> | undefined;
  literals = 0;
  /** All literal children by name, if there are more than {@link few}. */
  byName: Map<string, Node<Value>> | undefined;
  /** Children for segments with parameters and literal text, the longest literal text first. */
  patterns: { readonly pieces: readonly string[]; readonly node: Node<Value> }[] | undefined;

  constructor(name: string) {
    this.name = name;
    this.length = name.length;
    this.first = name.charCodeAt(0) || 0;
  }

  /** Returns the child for a segment; adds it if there is none. */
  childFor(pieces: readonly string[]): Node<Value> {
    if (pieces.length === 1) return this.#literalFor(pieces[0] as string);
    if (literalLength(pieces) === 0) {
      this.parameter ??= new Node('');
      return this.parameter;
    }
    this.patterns ??= [];
    const known = this.patterns.find((pattern) => pattern.pieces.join('{}') === pieces.join('{}'));
    if (known !== undefined) return known.node;
    const node = new Node<Value>('');
    this.patterns.push({ pieces, node });
    this.patterns.sort((one, other) => literalLength(other.pieces) - literalLength(one.pieces));
    return node;
  }

  childNamed(name: string): Node<Value> | undefined {
    if (this.byName !== undefined) return this.byName.get(name);
    let child = this.literal;
    while (child !== undefined && child.name !== name) child = child.sibling;
    return child;
  }

  #literalFor(name: string): Node<Value> {
    const known = this.childNamed(name);
    if (known !== undefined) return known;
    const child = new Node<Value>(name);
    child.sibling = this.literal;
    this.literal = child;
    this.byName?.set(name, child);
    if (this.byName === undefined && ++this.literals > few) {
      this.byName = new Map();
      for (let each: Node<Value> | undefined = child; each !== undefined; each = each.sibling) this.byName.set(each.name, each);
    }
    return child;
  }
}

interface Search {
  readonly path: string;
  readonly end: number;
  /** True if the path contains a `%`. */
  readonly encoded: boolean;
  readonly method: string;
  allowed: Set<string> | undefined;
  /** A resource with the path has the method in other letter case. */
  miscased: boolean;
}

/** Appends a node and those below it, in the layout of `packed-resources.ts`. */
function packNode<Value>(node: Node<Value>, words: number[], values: Value[]): boolean {
  const literals: Node<Value>[] = [];
  for (let child = node.literal; child !== undefined; child = child.sibling) literals.push(child);
  if (node.patterns !== undefined || literals.length > mostLiterals || !packText(node.name, words)) return false;
  const here = offersFrom(node.here);
  const below = offersFrom(node.below);
  const at = words.push(here.length, below.length, literals.length, 0);
  for (const { methods, value } of [...here, ...below]) words.push(methodsMask(methods), values.push(value) - 1);
  const places = literals.map(() => words.push(0) - 1);
  if (node.parameter !== undefined) {
    words[at - 1] = words.length;
    if (!packNode(node.parameter, words, values)) return false;
  }
  return literals.every((child, index) => {
    words[places[index] as number] = words.length;
    return packNode(child, words, values);
  });
}

function offersFrom<Value>(first: Offer<Value> | undefined): Offer<Value>[] {
  const offers: Offer<Value>[] = [];
  for (let offer = first; offer !== undefined; offer = offer.next) offers.push(offer);
  return offers;
}

/** @param start index of the `/` before the next segment, or `end` */
function findIn<Value>(node: Node<Value>, start: number, search: Search): Offer<Value> | undefined {
  const { path, end } = search;
  if (start >= end) return choose(node.here, search);
  let stop = start + 1;
  while (stop < end && path.charCodeAt(stop) !== slash) stop++;
  const child = literalChild(node, start + 1, stop, search);
  let found = child && findIn(child, stop, search);
  if (found === undefined && node.patterns !== undefined) found = findByPattern(node.patterns, start + 1, stop, search);
  if (found === undefined && node.parameter !== undefined && stop > start + 1) found = findIn(node.parameter, stop, search);
  return found ?? choose(node.below, search);
}

function literalChild<Value>(node: Node<Value>, start: number, stop: number, search: Search): Node<Value> | undefined {
  if (node.literal === undefined) return undefined;
  const { path } = search;
  const length = stop - start;
  const first = path.charCodeAt(start);
  if (node.byName !== undefined || search.encoded) return node.childNamed(decodeSegment(path.slice(start, stop)));
  for (let child: Node<Value> | undefined = node.literal; child !== undefined; child = child.sibling) {
    if (child.length === length && child.first === first && isAt(path, start, child.name)) return child;
  }
  return undefined;
}

function isAt(path: string, start: number, name: string): boolean {
  for (let index = 1; index < name.length; index++) {
    if (path.charCodeAt(start + index) !== name.charCodeAt(index)) return false;
  }
  return true;
}

function findByPattern<Value>(
  patterns: NonNullable<Node<Value>['patterns']>,
  start: number,
  stop: number,
  search: Search,
): Offer<Value> | undefined {
  const segment = decodeSegment(search.path.slice(start, stop));
  for (const { pieces, node } of patterns) {
    const found = fits(segment, pieces) ? findIn(node, stop, search) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function choose<Value>(first: Offer<Value> | undefined, search: Search): Offer<Value> | undefined {
  for (let offer = first; offer !== undefined; offer = offer.next) if (accepts(offer.methods, search.method)) return offer;
  if (first === undefined) return undefined;
  search.allowed ??= new Set();
  const inCapitals = search.method.toUpperCase();
  for (let offer: Offer<Value> | undefined = first; offer !== undefined; offer = offer.next) {
    for (const method of offer.methods ?? []) search.allowed?.add(method);
    if (offer.methods?.includes('GET')) search.allowed?.add('HEAD');
    // Many programs read `get` as GET: a resource further up must not serve it without the policies for GET.
    if (inCapitals !== search.method && accepts(offer.methods, inCapitals)) search.miscased = true;
  }
  return undefined;
}

/** HEAD is allowed wherever GET is (RFC 9110 section 9.3.2). */
function accepts(methods: readonly string[] | undefined, method: string): boolean {
  return methods === undefined || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function append<Value>(first: Offer<Value> | undefined, { path, methods, value }: ResourceEntry<Value>): Offer<Value> {
  const added: Offer<Value> = { value, methods: shared(methods), next: undefined };
  let last: Offer<Value> | undefined;
  for (let offer = first; offer !== undefined; offer = offer.next) {
    const method = sharedMethod(offer.methods, methods);
    if (method !== undefined) throw new TypeError(`another resource has the path ${path} for ${method} already`);
    last = offer;
  }
  if (last === undefined) return added;
  last.next = added;
  return first as Offer<Value>;
}

const mostLists = 1000;
const lists = new Map<string, readonly string[]>();

/** Returns one shared list for all resources with the same methods, so that it stays in the processor's caches. At most {@link mostLists} lists are shared, since they are never freed. */
function shared(methods: readonly string[] | undefined): readonly string[] | undefined {
  if (methods === undefined) return undefined;
  const key = methods.join();
  const known = lists.get(key);
  if (known !== undefined) return known;
  if (lists.size < mostLists) lists.set(key, methods);
  return methods;
}

function sharedMethod(one: readonly string[] | undefined, other: readonly string[] | undefined): string | undefined {
  if (one === undefined) return other?.[0] ?? 'every method';
  return other === undefined ? one[0] : one.find((method) => other.includes(method));
}
