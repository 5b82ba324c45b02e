import type { Fault } from '../model/fault.ts';

export type Variables = Readonly<Record<string, string>>;

const reference = /\$\{([^}]*)\}/g;
const known = /^variables\.([A-Za-z_][A-Za-z0-9_]*)$/;

/**
 * Replaces each `${variables.x}` in a text, or in every text within a list or object, by the environment's variable. Adds a fault for each
 * reference that cannot be replaced. Values are inserted literally: references inside them are not replaced.
 */
export function substitute<Value>(value: Value, variables: Variables, path: string, faults: Fault[]): Value {
  return replaced(value, variables, path, faults) as Value;
}

function replaced(value: unknown, variables: Variables, path: string, faults: Fault[]): unknown {
  if (typeof value === 'string') return replacedText(value, variables, path, faults);
  if (Array.isArray(value)) return value.map((entry, index) => replaced(entry, variables, `${path}.${index}`, faults));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, replaced(entry, variables, `${path}.${key}`, faults)]));
}

function replacedText(text: string, variables: Variables, path: string, faults: Fault[]): string {
  return text.replace(reference, (whole, inside: string) => {
    const name = known.exec(inside)?.[1];
    const found = name !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (found !== undefined) return found;
    faults.push({
      path,
      message:
        name === undefined
          ? `"${whole}" is not a reference to a variable; write \${variables.NAME}`
          : `the environment has no variable "${name}"; add it to the environment's variables`,
    });
    return whole;
  });
}
