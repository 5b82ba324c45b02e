/** Some entries of a map of a YAML text: of the document, or of a large map in it. */
export interface YamlPart {
  readonly text: string;
  /** Line of the whole text at which the part begins, from 1. */
  readonly firstLine: number;
  /** Key of the document's map that the entries are in; undefined: they are entries of the document. */
  readonly under?: string;
  /** Key whose entries follow as further parts. */
  readonly opens?: string;
}

/** Characters from which a part is complete at the next entry. */
const partLength = 128 * 1024;
/** Characters of an entry of the document from which it is split into its own entries. */
const longEntry = 256 * 1024;

/**
 * Splits a YAML text with a map in block style into parts, each with whole entries of the map. It relies on indentation: everything that belongs to an
 * entry of a block map is indented deeper than its key, except lists, closing brackets, and the value of a long key that begins with `?`. Undefined if the text cannot be split that way.
 */
export function splitYaml(text: string): YamlPart[] | undefined {
  const entries = entriesOf(text, 1, 0);
  if (entries === undefined) return undefined;
  const parts: YamlPart[] = [];
  for (const entry of entries) {
    const inner = entry.text.length > longEntry ? innerParts(entry) : undefined;
    if (inner === undefined) parts.push(entry);
    else parts.push(...inner);
  }
  return parts;
}

function innerParts({ text, firstLine }: YamlPart): YamlPart[] | undefined {
  const end = text.indexOf('\n');
  const key = /^(?:"([\w-]+)"|'([\w-]+)'|([\w-]+)) *:\s*(?:#.*)?$/.exec(text.slice(0, end));
  const name = key?.slice(1).find((group) => group !== undefined);
  const rest = text.slice(end + 1);
  const indent = /^(?: *(?:#.*)?\r?\n)*( +)[^\s#-]/.exec(rest)?.[1]?.length;
  if (name === undefined || indent === undefined) return undefined;
  const entries = entriesOf(rest, firstLine + 1, indent);
  if (entries === undefined) return undefined;
  const parts: YamlPart[] = [{ text: text.slice(0, end), firstLine, opens: name }];
  let held: YamlPart | undefined;
  for (const entry of entries) {
    if (held !== undefined && held.text.length + entry.text.length > partLength) {
      parts.push(held);
      held = undefined;
    }
    held = held === undefined ? { ...entry, under: name } : { ...held, text: held.text + entry.text };
  }
  if (held !== undefined) parts.push(held);
  return parts;
}

/** The entries of a block map with this indentation; undefined if a line is indented less, or is none of a map. */
function entriesOf(text: string, firstLine: number, indent: number): YamlPart[] | undefined {
  const entries: YamlPart[] = [];
  let begin: { readonly at: number; readonly line: number } | undefined;
  let line = firstLine;
  for (let at = 0; at < text.length; line++) {
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end + 1;
    let first = at;
    while (text[first] === ' ') first++;
    const sign = text[first] ?? '\n';
    const blank = sign === '\n' || sign === '\r' || sign === '#';
    if (!blank) {
      if (first - at < indent) return undefined;
      if (first - at === indent && !/[-:}\]]/.test(sign)) {
        if (/[%&*!|>@`{[]/.test(sign)) return undefined;
        if (begin !== undefined) entries.push({ text: text.slice(begin.at, at), firstLine: begin.line });
        begin = { at, line };
      } else if (text.startsWith('---', at) || text.startsWith('...', at)) {
        // The mark before the document's map is no part of it.
        if (begin !== undefined || indent > 0 || text[at] !== '-') return undefined;
      } else if (begin === undefined) return undefined;
    }
    at = next;
  }
  if (begin !== undefined) entries.push({ text: text.slice(begin.at), firstLine: begin.line });
  return entries;
}
