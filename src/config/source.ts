import * as yaml from 'yaml';
import type { Fault } from '../model/fault.ts';
import { SluiceError } from '../model/fault.ts';
import { refusal } from './refusal.ts';

/** Longest text that is read, in bytes of UTF-8. Longer ones are refused unread. */
export const maxSourceBytes = 1_048_576;

/** What is too much for one text. */
export interface SourceLimits {
  /** Of UTF-8. */
  readonly bytes: number;
  /** Pieces (words, brackets, spaces): bounds the time of a hostile one. */
  readonly lexemes: number;
  /** Values that it stands for: bounds what aliases of aliases grow to. */
  readonly values: number;
}

/** For what comes over the network: a hostile text takes about two seconds. */
const strict: SourceLimits = { bytes: maxSourceBytes, lexemes: 400_000, values: 250_000 };
/** How deep maps and lists may nest; also what stops an alias that contains itself. */
const maxDepth = 64;
/** Broken files break in many places; nobody reads more than this. */
const maxFaults = 50;

/** A YAML 1.2 or JSON text as plain data, which remembers where its parts stand. */
export interface Source {
  /** Maps as plain objects with text keys, lists as arrays; null for an empty text. */
  readonly value: unknown;
  /**
   * The line, from 1, of the key or the value at `path`; if there is no such thing, of the nearest thing around it.
   * A value on the lines below its key is found at its own first line.
   */
  lineOf(path: readonly PropertyKey[], part: 'key' | 'value'): number | undefined;
}

/** A map of plain data. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/**
 * Reads YAML 1.2 or JSON. Every fault of form is collected: syntax, doubled keys, unknown tags and aliases, more than
 * one document. Throws `SluiceError('malformed')` with the faults, or `too-large`.
 */
export function readSource(text: string | Uint8Array, file?: string, limits: SourceLimits = strict): Source {
  const content = decode(text, file, limits.bytes);
  const lines = new yaml.LineCounter();
  const composer = new yaml.Composer({ prettyErrors: false, uniqueKeys: false });
  try {
    // The iterator is asked for no more than two: a text may be nothing but document marks.
    const [document, second] = composer.compose(tokens(content, lines, limits.lexemes), true, content.length);
    const reader = new Reader(lines, limits.values);
    for (const error of [...(document?.errors ?? []), ...(document?.warnings ?? [])]) reader.complain(syntaxMessage(error), error.pos[0]);
    if (second) reader.complain('has a second part after "---": only one is read, remove the rest', second.range[0]);
    if (document?.errors.length) throw refusal('malformed', reader.faults, file);
    const value = reader.valueOf(document?.contents, '', 0);
    if (reader.faults.length > 0) throw refusal('malformed', reader.faults, file);
    return { value, lineOf: (path, part) => reader.lineOf(document?.contents, path, part) };
  } catch (error) {
    if (error instanceof Excess)
      throw refusal('malformed', [{ path: '', line: lines.linePos(error.offset).line, message: error.message }], file);
    throw error;
  }
}

/** Something there is too much of, found before it could do harm. */
class Excess extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const tooDeep = `nests deeper than ${maxDepth} levels`;

function decode(text: string | Uint8Array, file: string | undefined, maxBytes: number): string {
  const bytes = typeof text === 'string' ? Buffer.byteLength(text) : text.byteLength;
  if (bytes > maxBytes) {
    throw new SluiceError('too-large', `${file ?? 'the document'} has ${bytes} bytes; at most ${maxBytes} are read`);
  }
  let content: string;
  try {
    content = typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch (cause) {
    throw refusal('malformed', [{ path: '', message: 'is not UTF-8 text: save it as UTF-8' }], file, cause);
  }
  const control = /[^\P{Cc}\t\n\r\u0085]/u.exec(content);
  if (!control) return content;
  const line = content.slice(0, control.index).split('\n').length;
  const point = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw refusal(
    'malformed',
    [{ path: '', line, message: `contains the control character U+${point}: this is no YAML or JSON text` }],
    file,
  );
}

/** What yaml's own parser does, but stops before an absurd text costs time or stack. */
function* tokens(content: string, lines: yaml.LineCounter, maxLexemes: number): Generator<yaml.CST.Token, void> {
  const parser = new yaml.Parser(lines.addNewLine);
  let count = 0;
  lines.addNewLine(0);
  for (const lexeme of new yaml.Lexer().lex(content)) {
    yield* parser.next(lexeme);
    // Each level of a document takes at most four places on the parser's stack.
    if (parser.stack.length > 4 * maxDepth + 8) throw new Excess(tooDeep, parser.offset);
    if (++count > maxLexemes) throw new Excess('has too many pieces for one document: split it', parser.offset);
  }
  yield* parser.end();
}

function syntaxMessage(error: yaml.YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'is indented by a tab: YAML wants spaces';
    case 'TAG_RESOLVE_FAILED':
      return `has a tag that means nothing here: remove it (${error.message})`;
    default:
      return `is not valid YAML: ${error.message}`;
  }
}

type Node = yaml.Node | yaml.Pair | null | undefined;

/** Turns one document's nodes into data, once, bounded. */
class Reader {
  readonly faults: Fault[] = [];
  readonly #lines: yaml.LineCounter;
  readonly #anchors = new Map<string, yaml.Node>();
  readonly #aliases = new Map<yaml.Alias, yaml.Node>();
  readonly #maxValues: number;
  #values = 0;

  constructor(lines: yaml.LineCounter, maxValues: number) {
    this.#lines = lines;
    this.#maxValues = maxValues;
  }

  complain(message: string, offset: number, path = ''): void {
    if (this.faults.length < maxFaults) this.faults.push({ path, line: this.#lines.linePos(offset).line, message });
  }

  valueOf(node: unknown, path: string, depth: number): unknown {
    if (!yaml.isNode(node)) return null;
    const offset = node.range?.[0] ?? 0;
    if (depth > maxDepth) throw new Excess(tooDeep, offset);
    if (++this.#values > this.#maxValues) throw new Excess('stands for too many values: use fewer aliases, or split it', offset);
    if (yaml.isAlias(node)) {
      const target = this.#aliases.get(node) ?? this.#anchors.get(node.source);
      if (target) this.#aliases.set(node, target);
      else this.complain(`refers to "*${node.source}", but no "&${node.source}" stands before it`, offset, path);
      return target ? this.valueOf(target, path, depth + 1) : null;
    }
    if (node.anchor) this.#anchors.set(node.anchor, node);
    if (yaml.isSeq(node)) return node.items.map((item, index) => this.valueOf(item, join(path, index), depth + 1));
    if (yaml.isMap(node)) return this.#mapOf(node, path, depth);
    return yaml.isScalar(node) ? node.value : null;
  }

  #mapOf(node: yaml.YAMLMap, path: string, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const pair of node.items) {
      const key = keyOf(pair);
      const offset = offsetOf(pair.key) ?? node.range?.[0] ?? 0;
      if (key === undefined) this.complain('has a key that is not plain text', offset, path);
      else if (key === '__proto__') this.complain('has the key "__proto__", which no name may be', offset, path);
      else if (Object.hasOwn(result, key)) this.complain('is given twice: keep one of the two', offset, join(path, key));
      else result[key] = this.valueOf(pair.value, join(path, key), depth + 1);
    }
    return result;
  }

  lineOf(root: unknown, path: readonly PropertyKey[], part: 'key' | 'value'): number | undefined {
    let node = root;
    let offset = offsetOf(node);
    for (const [index, step] of path.entries()) {
      if (yaml.isAlias(node)) node = this.#aliases.get(node);
      const pair = yaml.isMap(node) ? node.items.find((item) => keyOf(item) === String(step)) : undefined;
      const next = pair ? pair.value : yaml.isSeq(node) ? node.items[Number(step)] : undefined;
      if (pair === undefined && next === undefined) break;
      const last = index === path.length - 1;
      // Inside, the key's line is the better one: it is what a missing part is missing from.
      offset = (pair && (!last || part === 'key') ? offsetOf(pair.key) : offsetOf(next)) ?? offsetOf(pair?.key) ?? offset;
      node = next;
    }
    return offset === undefined ? undefined : this.#lines.linePos(offset).line;
  }
}

function offsetOf(node: unknown): number | undefined {
  return yaml.isNode(node as Node) ? ((node as yaml.Node).range?.[0] ?? undefined) : undefined;
}

/** Keys are text: a plain `1` or `true` counts as written; nothing, maps and lists do not. */
function keyOf(pair: yaml.Pair): string | undefined {
  const { key } = pair;
  if (!yaml.isScalar(key) || key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

function join(path: string, step: string | number): string {
  return path === '' ? String(step) : `${path}.${step}`;
}
