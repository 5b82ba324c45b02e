import { refusal } from '../../config/refusal.ts';
import { readSource, type Source } from '../../config/source.ts';
import { SluiceError } from '../../model/fault.ts';
import { isMap } from '../../model/is-map.ts';
import { formOfJson } from '../../model/json-text.ts';
import { JsonPlaces } from './json-places.ts';
import { splitYaml } from './yaml-parts.ts';

/** Most bytes of a document. They are often generated: the description of a large company's whole API has 20 megabytes. */
export const maxDocumentBytes = 32 * 1024 * 1024;
/** A YAML text up to this many characters is parsed in one go, which takes some 70 times its size in memory. */
const shortYaml = 1024 * 1024;
/** Longest YAML text that is parsed in one go because its parts refer to each other. */
const longestWhole = 8 * 1024 * 1024;
const limits = { bytes: longestWhole, lexemes: 8_000_000, values: 4_000_000 };
/** Deepest nesting of a JSON document. */
const maxDepth = 200;

/**
 * Reads a document of several megabytes, YAML or JSON, like `readSource`. JSON is parsed by `JSON.parse`; YAML part by part, so that only the values of a
 * large text are in memory together, not its syntax tree.
 */
export function readLargeSource(content: Uint8Array): Source {
  if (content.byteLength > maxDocumentBytes)
    throw new SluiceError('too-large', `the document has ${content.byteLength} bytes; at most ${maxDocumentBytes} are read`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (cause) {
    throw refusal('malformed', [{ path: '', message: 'is not UTF-8 text: save it as UTF-8' }], undefined, cause);
  }
  return readJson(text) ?? readYaml(text);
}

/** Undefined if the text is not JSON: then it may be YAML. */
function readJson(text: string): Source | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (text.length <= longestWhole) return undefined;
    throw refusal('malformed', [{ path: '', message: `is not valid JSON: ${(error as Error).message}` }], undefined, error);
  }
  const places = new JsonPlaces(text);
  const { doubled, depth } = formOfJson(text, 50);
  const faults = doubled.map((path) => ({
    path: path.join('.'),
    line: places.lineOf(path, 'key'),
    message: 'is given twice: keep one of the two',
  }));
  if (faults.length > 0) throw refusal('malformed', faults);
  if (depth > maxDepth) throw refusal('malformed', [{ path: '', message: `nests deeper than ${maxDepth} levels` }]);
  return { value, lineOf: (path, part) => places.lineOf(path, part) };
}

function readYaml(text: string): Source {
  if (text.length <= shortYaml) return readSource(text, undefined, limits);
  const parts = splitYaml(text);
  if (parts === undefined) return readSource(text, undefined, limits);
  try {
    const value: Record<string, unknown> = {};
    const places = new Map<string, { readonly text: string; readonly firstLine: number }>();
    for (const part of parts) {
      const { value: parsed } = shifted(part.firstLine, () => readSource(part.text, undefined, limits));
      const around = part.under === undefined ? value : (value[part.under] as Record<string, unknown>);
      for (const [key, one] of Object.entries(isMap(parsed) ? parsed : {})) {
        const place = JSON.stringify(part.under === undefined ? [key] : [part.under, key]);
        if (Object.hasOwn(around, key))
          throw refusal('malformed', [
            { path: JSON.parse(place).join('.'), line: part.firstLine, message: 'is given twice: keep one of the two' },
          ]);
        around[key] = one ?? (part.opens === key ? {} : null);
        places.set(place, part);
      }
    }
    return { value, lineOf: (path, part) => lineIn(places, path, part) };
  } catch (error) {
    // An alias may refer to another part.
    if (text.length > longestWhole) throw error;
    return readSource(text, undefined, limits);
  }
}

/** Runs a read of a part of the text; the lines of its faults become those of the whole text. */
function shifted<Result>(firstLine: number, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SluiceError) || error.faults.length === 0) throw error;
    throw refusal(
      error.code,
      error.faults.map((fault) => ({ ...fault, ...(fault.line !== undefined && { line: fault.line + firstLine - 1 }) })),
      undefined,
      error,
    );
  }
}

function lineIn(
  places: ReadonlyMap<string, { readonly text: string; readonly firstLine: number }>,
  path: readonly PropertyKey[],
  part: 'key' | 'value',
): number | undefined {
  for (const length of [2, 1]) {
    const place = places.get(JSON.stringify(path.slice(0, length).map(String)));
    if (place === undefined) continue;
    const line = readSource(place.text, undefined, limits).lineOf(path.slice(length - 1), part);
    return line === undefined ? undefined : line + place.firstLine - 1;
  }
  return undefined;
}
