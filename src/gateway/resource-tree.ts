import { decodeSegment } from './path.ts';

/** Where one resource stands and which methods it takes; none: every method. */
export interface Place<Value> {
  /** Starts with `/`; `{name}` stands for one segment or a part of one. */
  readonly path: string;
  readonly methods?: readonly string[] | undefined;
  /** Whether it also takes everything below its path. */
  readonly childPaths: boolean;
  readonly value: Value;
}

/** `allowed`: the path is there, but only for these methods (405). Undefined instead of it: not found. */
export type Found<Value> = { readonly value: Value } | { readonly allowed: ReadonlySet<string> };

interface Node<Value> {
  readonly literal: Map<string, Node<Value>>;
  /** Segments with parameters in them, the longest literal text first; a whole-segment parameter comes last. */
  readonly patterns: { readonly pieces: readonly string[]; readonly node: Node<Value> }[];
  readonly here: Place<Value>[];
  readonly below: Place<Value>[];
}

/**
 * Finds the most specific of a project's resources for a path and a method. Segment by segment from the left, a literal
 * beats a segment with parameters, that beats a bare `{parameter}`, and that beats `childPaths`. A trailing slash makes
 * no difference. Segments are compared by what they say (`%40` is `@`, while `%2F` separates nothing).
 * A search visits each node at most once.
 */
export class ResourceTree<Value> {
  readonly #root: Node<Value> = newNode();

  /** Throws a `TypeError` that names the reason if the path cannot be used or another resource has the same place. */
  add(place: Place<Value>): void {
    let node = this.#root;
    for (const segment of segmentsOf(place.path)) node = childOf(node, segment);
    for (const list of place.childPaths ? [node.here, node.below] : [node.here]) {
      const method = list.map((other) => sharedMethod(other, place)).find((shared) => shared !== undefined);
      if (method !== undefined) throw new TypeError(`another resource has the path ${place.path} for ${method} already`);
    }
    node.here.push(place);
    if (place.childPaths) node.below.push(place);
  }

  /** @param path normalised, relative to the project: empty or starting with `/` */
  find(path: string, method: string): Found<Value> | undefined {
    const end = path.endsWith('/') ? path.length - 1 : path.length;
    const search: Search = { path, end, method, allowed: undefined };
    const place = findIn(this.#root, 0, search);
    if (place !== undefined) return place;
    return search.allowed === undefined ? undefined : { allowed: search.allowed };
  }
}

interface Search {
  readonly path: string;
  readonly end: number;
  readonly method: string;
  allowed: Set<string> | undefined;
}

/** @param start index of the `/` before the next segment, or `end` */
function findIn<Value>(node: Node<Value>, start: number, search: Search): Place<Value> | undefined {
  if (start >= search.end) return choose(node.here, search);
  const next = search.path.indexOf('/', start + 1);
  const stop = next === -1 || next > search.end ? search.end : next;
  const segment = decodeSegment(search.path.slice(start + 1, stop));
  const child = node.literal.get(segment);
  let place = child && findIn(child, stop, search);
  for (let index = 0; place === undefined && index < node.patterns.length; index++) {
    const pattern = node.patterns[index] as Node<Value>['patterns'][number];
    if (fits(segment, pattern.pieces)) place = findIn(pattern.node, stop, search);
  }
  return place ?? choose(node.below, search);
}

function choose<Value>(places: readonly Place<Value>[], search: Search): Place<Value> | undefined {
  for (const place of places) if (accepts(place, search.method)) return place;
  if (places.length > 0) search.allowed ??= new Set();
  for (const { methods } of places) {
    for (const method of methods ?? []) search.allowed?.add(method);
    if (methods?.includes('GET')) search.allowed?.add('HEAD');
  }
  return undefined;
}

/** HEAD is allowed wherever GET is (RFC 9110 section 9.3.2). */
function accepts(place: Place<unknown>, method: string): boolean {
  const { methods } = place;
  return methods === undefined || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function sharedMethod(one: Place<unknown>, other: Place<unknown>): string | undefined {
  if (one.methods === undefined) return other.methods?.[0] ?? 'every method';
  return other.methods === undefined ? one.methods[0] : one.methods.find((method) => other.methods?.includes(method));
}

/** Whether a segment is the literal pieces in order, with at least one character between each two. */
function fits(segment: string, pieces: readonly string[]): boolean {
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!segment.startsWith(first)) return false;
  let at = first.length;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] as string;
    const found = segment.indexOf(piece, at + 1);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return segment.length - last.length > at && segment.endsWith(last);
}

function newNode<Value>(): Node<Value> {
  return { literal: new Map(), patterns: [], here: [], below: [] };
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function childOf<Value>(node: Node<Value>, segment: string): Node<Value> {
  const pieces = piecesOf(segment);
  if (pieces.length === 1) {
    const literal = pieces[0] as string;
    const child = node.literal.get(literal) ?? newNode();
    node.literal.set(literal, child);
    return child;
  }
  const known = node.patterns.find((pattern) => pattern.pieces.join('{}') === pieces.join('{}'));
  if (known !== undefined) return known.node;
  const child = newNode<Value>();
  node.patterns.push({ pieces, node: child });
  node.patterns.sort((one, other) => literalLength(other.pieces) - literalLength(one.pieces));
  return child;
}

function literalLength(pieces: readonly string[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The literal text around each `{name}`; one piece if there is no parameter. */
function piecesOf(segment: string): string[] {
  const pieces = segment.split(/\{[^{}]+\}/);
  if (pieces.some((piece) => /[{}]/.test(piece))) {
    throw new TypeError(`"${segment}" is not a path segment: a parameter is written {name}, with its braces in one segment`);
  }
  if (pieces.slice(1, -1).includes('')) throw new TypeError(`"${segment}" has two parameters with nothing between them`);
  return pieces.map(decodeSegment);
}
