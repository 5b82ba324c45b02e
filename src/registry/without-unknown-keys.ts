import type * as z from 'zod';

/**
 * Returns `value` without the keys that `schema` does not know, and the dotted paths of those keys. A value that is refused for any other
 * reason is returned as it is, for the schema to refuse it.
 */
export function withoutUnknownKeys(schema: z.ZodType, value: unknown): { known: unknown; unknown: string[] } {
  const result = schema.safeParse(value);
  if (result.success) return { known: value, unknown: [] };
  const known = structuredClone(value);
  const unknown: string[] = [];
  for (const { path, keys } of unrecognized(result.error.issues)) {
    const holder = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown>)[key], known) as Record<string, unknown>;
    for (const key of keys) {
      delete holder[key];
      unknown.push([...path, key].map(String).join('.'));
    }
  }
  return { known, unknown };
}

interface UnknownKeys {
  readonly path: readonly PropertyKey[];
  readonly keys: readonly string[];
}

/** Finds unknown keys, also those in the alternative of a union that has no other fault. */
function unrecognized(issues: readonly z.core.$ZodIssue[], around: readonly PropertyKey[] = []): UnknownKeys[] {
  return issues.flatMap((issue) => {
    const path = [...around, ...issue.path];
    if (issue.code === 'unrecognized_keys') return [{ path, keys: issue.keys }];
    if (issue.code !== 'invalid_union') return [];
    const meant = issue.errors.find((branch) => branch.every(({ code }) => code === 'unrecognized_keys' || code === 'invalid_union'));
    return meant ? unrecognized(meant, path) : [];
  });
}
