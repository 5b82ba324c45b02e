import type { Parameter } from '../../model/imported-api.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import type { Pieces } from '../../model/pieces.ts';
import { BrokenEncoding, decoded, type ParameterTexts } from './parameter-values.ts';
import type { Check, SchemaCompiler, SchemaFault } from './schema-compiler.ts';
import { type Follow, innerReading, isList, isRecord, readings, type Shape, shapeOf } from './written-value.ts';

/** A value that cannot be read from its text. The message continues a sentence that begins with its place. */
class Unreadable extends Error {}

/** Checks one parameter of requests. */
export interface ParameterCheck {
  faults(texts: ParameterTexts): readonly SchemaFault[];
}

/** A parameter, with the schema's shape by which its text is read. */
interface Reader {
  readonly parameter: Parameter;
  readonly name: string;
  readonly shape: Shape;
  readonly follow: Follow;
}

/**
 * Compiles the check of a parameter. A missing one is a fault only if it is required.
 *
 * @param name its name in requests, if it differs: path parameters have the names of the resource's path
 */
export function* compileParameter(parameter: Parameter, compiler: SchemaCompiler, name = parameter.name): Pieces<ParameterCheck> {
  const { schema = true, in: place, required = place === 'path' } = parameter;
  const check = yield* compiler.compile(schema);
  const follow: Follow = (one) => compiler.followed(one);
  const reader = { parameter, name, shape: shapeOf(schema, follow), follow };
  const path = [place, parameter.name];
  return {
    faults(texts) {
      try {
        const values = parameter.json ? jsonOf(texts.all(place, name), place) : valuesOf(reader, texts);
        if (values === undefined) return required ? [{ path, message: 'is missing' }] : [];
        return bestFaults(values, check).map((fault) => ({ ...fault, path: [...path, ...fault.path] }));
      } catch (error) {
        if (error instanceof Unreadable || error instanceof BrokenEncoding) return [{ path, message: error.message }];
        throw error;
      }
    },
  };
}

/** None if one of the values fits, else the faults of the first one. */
function bestFaults(values: readonly unknown[], check: Check): readonly SchemaFault[] {
  let first: readonly SchemaFault[] | undefined;
  for (const value of values) {
    const faults = check(value, true);
    if (faults.length === 0) return faults;
    first ??= faults;
  }
  return first ?? [];
}

function jsonOf(texts: readonly string[], place: Parameter['in']): unknown[] | undefined {
  const text = single(texts);
  if (text === undefined) return undefined;
  try {
    return [JSON.parse(place === 'query' || place === 'cookie' ? decoded(text) : text)];
  } catch (error) {
    throw error instanceof BrokenEncoding ? error : new Unreadable('is not valid JSON');
  }
}

/** The values that a parameter may stand for; undefined: it is missing. */
function valuesOf(reader: Reader, texts: ParameterTexts): unknown[] | undefined {
  const { shape, parameter } = reader;
  const scalar =
    shape.types === undefined ? !isList(shape) && !isRecord(shape) : [...shape.types].some((type) => type !== 'array' && type !== 'object');
  const values: (unknown[] | undefined)[] = [];
  if (isList(shape)) values.push(listOf(reader, texts));
  if (isRecord(shape)) values.push(mapOf(reader, texts));
  const several = values.some((value) => value !== undefined);
  if (scalar) {
    const given = texts.all(parameter.in, reader.name);
    if (!several || given.length < 2) {
      const text = single(given);
      if (text !== undefined) values.push(readings(plain(reader, stripped(parameter, text)), shape));
    }
  }
  const known = values.flatMap((value) => value ?? []);
  return known.length === 0 ? undefined : known;
}

/** The one text of a parameter that is no list. Which of several a server would take is not known. */
function single(texts: readonly string[]): string | undefined {
  if (texts.length > 1) throw new Unreadable('is given more than once');
  return texts[0];
}

function listOf(reader: Reader, texts: ParameterTexts): unknown[] | undefined {
  const { parameter, name, shape, follow } = reader;
  const given = texts.all(parameter.in, name);
  if (given.length === 0) return undefined;
  const parts =
    isExploded(parameter) && parameter.in !== 'header' && parameter.in !== 'path'
      ? given
      : splitList(parameter, listText(parameter, given));
  return [parts.map((part) => innerReading(plain(reader, part), shape.items, follow))];
}

/** Several header lines are one list (RFC 9110 section 5.3). */
function listText({ in: place }: Parameter, given: readonly string[]): string {
  return place === 'header' ? given.join(',') : (single(given) as string);
}

function splitList(parameter: Parameter, text: string): string[] {
  const value = stripped(parameter, text);
  if (value === '') return [];
  if (parameter.style === 'matrix' && isExploded(parameter)) return value.split(';').map((part) => part.slice(part.indexOf('=') + 1));
  return value.split(delimiterOf(parameter)).map((part) => (parameter.in === 'header' ? part.trim() : part));
}

function delimiterOf(parameter: Parameter): string | RegExp {
  switch (parameter.style) {
    case 'spaceDelimited':
      return /%20|\+| /;
    case 'pipeDelimited':
      return /\||%7C/i;
    case 'tabDelimited':
      return /%09|\t/;
    case 'label':
      return isExploded(parameter) ? '.' : ',';
    default:
      return ',';
  }
}

/** A text without the sign or name that its style puts before it. */
function stripped({ style, name }: Parameter, text: string): string {
  if (style === 'label') {
    if (!text.startsWith('.')) throw new Unreadable('must start with "."');
    return text.slice(1);
  }
  if (style !== 'matrix') return text;
  if (!text.startsWith(';')) throw new Unreadable('must start with ";"');
  const start = `;${name}=`;
  return text.startsWith(start) ? text.slice(start.length) : text.slice(1);
}

function mapOf(reader: Reader, texts: ParameterTexts): unknown[] | undefined {
  const entries = entriesOf(reader, texts);
  if (entries === undefined) return undefined;
  const { shape, follow } = reader;
  const property = (name: string): JsonSchema | undefined => (Object.hasOwn(shape.properties, name) ? shape.properties[name] : undefined);
  return [Object.fromEntries(entries.map(([key, text]) => [key, innerReading(plain(reader, text), property(key), follow)]))];
}

function entriesOf({ parameter, name, shape }: Reader, texts: ParameterTexts): [string, string][] | undefined {
  if (parameter.in === 'query' && parameter.style === 'deepObject') {
    const keys = texts.queryNames.filter((key) => key.startsWith(`${name}[`) && key.endsWith(']'));
    if (keys.length === 0) return undefined;
    return keys.map((key) => [key.slice(name.length + 1, -1), single(texts.all('query', key)) as string]);
  }
  if (isExploded(parameter) && (parameter.in === 'query' || parameter.in === 'cookie')) {
    const given = Object.keys(shape.properties).flatMap((key): [string, string][] => {
      const text = single(texts.all(parameter.in, key));
      return text === undefined ? [] : [[key, text]];
    });
    return given.length === 0 ? undefined : given;
  }
  const given = texts.all(parameter.in, name);
  if (given.length === 0) return undefined;
  const parts = splitList({ ...parameter, ...(parameter.style === 'matrix' && { explode: false }) }, listText(parameter, given));
  if (isExploded(parameter)) return parts.flatMap((part) => part.split(';')).map((part) => keyAndValue(part));
  if (parts.length % 2 !== 0) throw new Unreadable('must be pairs of names and values');
  return parts.flatMap((part, index): [string, string][] => (index % 2 === 0 ? [[part, parts[index + 1] as string]] : []));
}

function keyAndValue(part: string): [string, string] {
  const equals = part.indexOf('=');
  if (equals === -1) throw new Unreadable('must be pairs of names and values');
  return [part.slice(0, equals), part.slice(equals + 1)];
}

function isExploded({ explode, style, in: place }: Parameter): boolean {
  return explode ?? (style === undefined ? place === 'query' || place === 'cookie' : style === 'form' || style === 'deepObject');
}

/** Path parameters are decoded already; header fields are not encoded. */
function plain({ parameter }: Reader, text: string): string {
  return parameter.in === 'query' || parameter.in === 'cookie' ? decoded(text) : text;
}
