import * as z from 'zod';
import type { Fault } from '../model/fault.ts';
import { nearest } from './nearest.ts';
import { at, keysOf } from './schema-paths.ts';

/** Returns the line of a part of the checked value in its source text; undefined if the value was not read from a text. */
export type LineOf = (path: readonly PropertyKey[], part: 'key' | 'value') => number | undefined;

/** A checked value with its defaults filled in, or all its faults. */
export type Checked<Output> =
  | { readonly value: Output; readonly faults?: never }
  | { readonly value?: never; readonly faults: readonly Fault[] };

/** Maximum number of faults that are reported. */
const maxFaults = 100;

/**
 * Checks `value` against `schema` and returns all faults together, each with its dotted path, its line (of the key for an unknown key,
 * of the value for a wrong one, of the enclosing map for a missing one) and what would be right. Messages never repeat a value, since
 * it may be a secret.
 */
export function check<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  lineOf: LineOf = () => undefined,
): Checked<z.output<Schema>> {
  const examined = examine(value, schema);
  if (!examined.faults) return examined;
  const faults = examined.faults.map(({ path, message, part }) => faultAt(path, message, lineOf, part));
  faults.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { faults };
}

/** A fault at a place of the checked value. */
interface Placed {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly part: 'key' | 'value';
}

/** Like {@link check}, with the places as lists of keys. */
export function examine<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
): { readonly value: z.output<Schema>; readonly faults?: never } | { readonly value?: never; readonly faults: readonly Placed[] } {
  const result = schema.safeParse(value, { error: wording, reportInput: false });
  if (result.success) return { value: result.data };
  const faults = result.error.issues.slice(0, maxFaults).flatMap((issue) => faultsOf(issue, [], schema));
  return { faults: faults.slice(0, maxFaults) };
}

function faultsOf(issue: z.core.$ZodIssue, around: readonly PropertyKey[], schema: z.ZodType): Placed[] {
  const path = [...around, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = at(schema, path).flatMap(keysOf);
    return issue.keys.slice(0, maxFaults).map((key) => placed([...path, key], unknownKey(key, known), 'key'));
  }
  if (issue.code === 'invalid_key') return [placed(path, `cannot be a name here: ${issue.issues[0]?.message}`, 'key')];
  if (issue.code === 'invalid_union' && issue.message === '') {
    const meant = issue.errors.find((branch) => !branch.some((inner) => inner.path.length === 0 && isOfAnotherKind(inner)));
    if (meant) return meant.flatMap((inner) => faultsOf(inner, path, schema));
    const choices = issue.errors.map((branch) => (branch[0]?.message ?? '').replace(/^must be /, '').replace(/, not .*$/, ''));
    return [placed(path, `must be ${choices.join(' or ')}`)];
  }
  return [placed(path, issue.message)];
}

function placed(path: readonly PropertyKey[], message: string, part: Placed['part'] = 'value'): Placed {
  return { path, message, part };
}

function isOfAnotherKind(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

/** Makes a fault at `path`, with its line. */
export function faultAt(path: readonly PropertyKey[], message: string, lineOf: LineOf, part: 'key' | 'value' = 'value'): Fault {
  const line = lineOf(path, part);
  return { path: path.map(String).join('.'), ...(line === undefined ? {} : { line }), message };
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `is unknown: did you mean "${meant}"?`;
  return known.length > 0 ? `is unknown; known here: ${known.join(', ')}` : 'is unknown: remove it';
}

/** Sluice's wording of zod's issues. A message in a schema takes precedence. */
function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = nouns[String(issue.expected)] ?? String(issue.expected);
      if (issue.input === null) return `is empty: give ${wanted}, or leave it out`;
      if (issue.input !== undefined) return `must be ${wanted}, not ${kindOf(issue.input)}`;
      const description = issue.inst && z.globalRegistry.get(issue.inst as z.ZodType)?.description;
      return `is missing; expected: ${description ?? wanted}`;
    }
    case 'invalid_value': {
      const values = (issue.values ?? []).map((value) => JSON.stringify(value));
      if (values.length === 1) return `must be ${values[0]}`;
      const meant = typeof issue.input === 'string' ? nearest(issue.input, (issue.values ?? []).map(String)) : undefined;
      return `must be one of ${values.join(', ')}${meant === undefined ? '' : `: did you mean "${meant}"?`}`;
    }
    case 'too_small':
      return `must ${amount(issue.origin, 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${amount(issue.origin, 'at most', issue.maximum)}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `must match ${issue.pattern}` : `must be a valid ${issue.format}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_union':
      // Empty: faultsOf() reports the faults of the alternative that was meant.
      return '';
    default:
      return 'is not valid here';
  }
}

const nouns: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction';
  return nouns[typeof value] ?? typeof value;
}

function amount(origin: unknown, bound: string, limit: unknown): string {
  if (origin === 'string') return `have ${bound} ${limit} characters`;
  if (origin === 'array') return `have ${bound} ${limit} entries`;
  return `be ${bound} ${limit}`;
}
