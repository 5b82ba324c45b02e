import * as yaml from 'yaml';
import type { Fault } from '../model/fault.ts';
import { SluiceError } from '../model/fault.ts';
import { refusal } from './refusal.ts';

/** Maximum length of a text in bytes of UTF-8. A longer text is refused without being parsed. */
export const maxSourceBytes = 1_048_576;

/** Limits for one text. */
export interface SourceLimits {
  /** Bytes of UTF-8. */
  readonly bytes: number;
  /** Lexemes (words, brackets, spaces). Limits the time for parsing a hostile text. */
  readonly lexemes: number;
  /** Values with all aliases expanded. Limits the growth by aliases of aliases. */
  readonly values: number;
}

/** Limits for texts from the network: a hostile text takes about two seconds. */
const strict: SourceLimits = { bytes: maxSourceBytes, lexemes: 400_000, values: 250_000 };
/** Maximum nesting of maps and lists. It also stops an alias that contains itself. */
const maxDepth = 64;
/** Maximum number of faults that are reported: a broken file has faults in many places. */
const maxFaults = 50;

/** A YAML 1.2 or JSON text as plain data, with the lines of its parts. */
export interface Source {
  /** Maps as plain objects with text keys, lists as arrays; null for an empty text. */
  readonly value: unknown;
  /**
   * Returns the line, from 1, of the key or the value at `path`; if there is none, the line of the nearest part that encloses it.
   * The line of a value below its key is the value's first line.
   */
  lineOf(path: readonly PropertyKey[], part: 'key' | 'value'): number | undefined;
}

/**
 * Parses YAML 1.2 or JSON. All formal faults are collected: syntax, duplicate keys, unknown tags and aliases, more than one document.
 * Throws `SluiceError('malformed')` with the faults, or `too-large`.
 */
export function readSource(text: string | Uint8Array, file?: string, limits: SourceLimits = strict): Source {
  const content = decode(text, file, limits.bytes);
  const lines = new yaml.LineCounter();
  const composer = new yaml.Composer({ prettyErrors: false, uniqueKeys: false });
  try {
    // Takes at most two documents from the iterator: a text may consist of nothing but document marks.
    const [document, second] = composer.compose(tokens(content, lines, limits.lexemes), true, content.length);
    const reader = new Reader(lines, limits.values);
    for (const error of [...(document?.errors ?? []), ...(document?.warnings ?? [])]) reader.complain(syntaxMessage(error), error.pos[0]);
    if (second) reader.complain('has a second document after "---": only one is read, remove the rest', second.range[0]);
    if (document?.errors.length) throw refusal('malformed', reader.faults, file);
    const value = reader.valueOf(document?.contents, '', 0);
    if (reader.faults.length > 0) throw refusal('malformed', reader.faults, file);
    return { value, lineOf: (path, part) => reader.lineOf(document?.contents, path, part) };
  } catch (error) {
    if (error instanceof LimitExceeded)
      throw refusal('malformed', [{ path: '', line: lines.linePos(error.offset).line, message: error.message }], file);
    throw error;
  }
}

/** A limit was exceeded. */
class LimitExceeded extends Error {
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
  throw refusal('malformed', [{ path: '', line, message: `contains the control character U+${point}: this is not YAML or JSON` }], file);
}

/** Tokenizes like yaml's own parser, but stops before a hostile text takes too much time or stack. */
function* tokens(content: string, lines: yaml.LineCounter, maxLexemes: number): Generator<yaml.CST.Token, void> {
  const parser = new yaml.Parser(lines.addNewLine);
  let count = 0;
  lines.addNewLine(0);
  for (const lexeme of new yaml.Lexer().lex(content)) {
    yield* parser.next(lexeme);
    // Each level of a document takes at most four entries on the parser's stack.
    if (parser.stack.length > 4 * maxDepth + 8) throw new LimitExceeded(tooDeep, parser.offset);
    if (++count > maxLexemes) throw new LimitExceeded('has too many parts for one document: split it', parser.offset);
  }
  yield* parser.end();
}

function syntaxMessage(error: yaml.YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'is indented by a tab: YAML needs spaces';
    case 'TAG_RESOLVE_FAILED':
      return `has an unknown tag: remove it (${error.message})`;
    default:
      return `is not valid YAML: ${error.message}`;
  }
}

type Node = yaml.Node | yaml.Pair | null | undefined;

/** Converts the nodes of one document to plain data, within the limits. */
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
    if (depth > maxDepth) throw new LimitExceeded(tooDeep, offset);
    if (++this.#values > this.#maxValues) throw new LimitExceeded('expands to too many values: use fewer aliases, or split it', offset);
    if (yaml.isAlias(node)) {
      const target = this.#aliases.get(node) ?? this.#anchors.get(node.source);
      if (target) this.#aliases.set(node, target);
      else this.complain(`refers to "*${node.source}", but there is no "&${node.source}" before it`, offset, path);
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
      else if (key === '__proto__') this.complain('has the key "__proto__", which is not allowed', offset, path);
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
      // For steps inside, the key's line: it names the map that a missing part is missing from.
      offset = (pair && (!last || part === 'key') ? offsetOf(pair.key) : offsetOf(next)) ?? offsetOf(pair?.key) ?? offset;
      node = next;
    }
    return offset === undefined ? undefined : this.#lines.linePos(offset).line;
  }
}

function offsetOf(node: unknown): number | undefined {
  return yaml.isNode(node as Node) ? ((node as yaml.Node).range?.[0] ?? undefined) : undefined;
}

/** Text of a key. A plain `1` or `true` is a key as written; null, maps and lists are not keys. */
function keyOf(pair: yaml.Pair): string | undefined {
  const { key } = pair;
  if (!yaml.isScalar(key) || key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

function join(path: string, step: string | number): string {
  return path === '' ? String(step) : `${path}.${step}`;
}
