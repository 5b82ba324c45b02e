import type { Pieces } from '../model/pieces.ts';
import type { Complain } from './complain.ts';

/** The variables of an environment, by name. */
export type Variables = Readonly<Record<string, string>>;

/** Also finds a reference that is not closed, up to the end of the text. */
const reference = /\$\{([^}]*)(\}?)/g;
const known = /^variables\.([A-Za-z_][A-Za-z0-9_]*)$/;

/**
 * Replaces each `${variables.x}` in a text, or in every text within a list or object, by the environment's variable. Complains about each
 * reference that cannot be replaced. Values are inserted literally: references inside them are not replaced.
 *
 * @param variables undefined: not known yet, so that well-formed references stay
 * @param others references that stay because something else replaces them
 */
export function substitute<Value>(
  value: Value,
  variables: Variables | undefined,
  path: readonly PropertyKey[],
  complain: Complain,
  others: OtherReferences = none,
): Value {
  return replaced(value, { variables, others, complain }, path) as Value;
}

/** References that something else than {@link substitute} replaces. */
interface OtherReferences {
  knows(reference: string): boolean;
  readonly shown: readonly string[];
}

const none: OtherReferences = { knows: () => false, shown: [] };

interface Substitution {
  readonly variables: Variables | undefined;
  readonly others: OtherReferences;
  readonly complain: Complain;
}

/** True if a text contains a well-formed reference to a variable, so that its final form is not known. */
export function refersToVariable(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  return [...text.matchAll(reference)].some(([, inside = '', end]) => end === '}' && known.test(inside));
}

/** Shared by all projects that refer to no variable. */
const noVariables: Variables = {};

/** The variables that any text within these parts, lists and objects included, refers to; those that do not exist are left out. Each part is one piece. */
export function* variablesInPieces(parts: Iterable<unknown>, variables: Variables): Pieces<Variables> {
  const found: Record<string, string> = {};
  for (const part of parts) {
    collect(part, variables, found);
    yield;
  }
  return Object.keys(found).length === 0 ? noVariables : found;
}

function collect(value: unknown, variables: Variables, found: Record<string, string>): void {
  if (typeof value === 'string') {
    if (!value.includes('${')) return;
    for (const [, inside = '', end] of value.matchAll(reference)) {
      const name = end === '}' ? known.exec(inside)?.[1] : undefined;
      if (name !== undefined && Object.hasOwn(variables, name)) found[name] = variables[name] as string;
    }
  } else if (value !== null && typeof value === 'object') {
    for (const entry of Object.values(value)) collect(entry, variables, found);
  }
}

function replaced(value: unknown, by: Substitution, path: readonly PropertyKey[]): unknown {
  if (typeof value === 'string') return value.includes('${') ? replacedText(value, by, path) : value;
  if (Array.isArray(value)) return value.map((entry, index) => replaced(entry, by, [...path, index]));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, replaced(entry, by, [...path, key])]));
}

function replacedText(text: string, { variables, others, complain }: Substitution, path: readonly PropertyKey[]): string {
  return text.replace(reference, (whole, inside: string, end: string) => {
    if (end !== '' && others.knows(inside)) return whole;
    const name = end === '' ? undefined : known.exec(inside)?.[1];
    if (name === undefined)
      complain(
        path,
        `"${whole}" is not a reference to a variable; write ${['variables.NAME', ...others.shown].map((one) => `\${${one}}`).join(', ')}`,
      );
    else if (variables !== undefined && Object.hasOwn(variables, name)) return variables[name] as string;
    else if (variables !== undefined) complain(path, `the environment has no variable "${name}"; add it to the environment's variables`);
    return whole;
  });
}
