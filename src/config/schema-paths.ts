import type * as z from 'zod';

/** Schemas inside defaults, transforms and unions: a value has to fit one of them. */
export function alternatives(schema: z.core.$ZodType): z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'default':
    case 'prefault':
    case 'optional':
    case 'nullable':
    case 'readonly':
    case 'nonoptional':
      return alternatives(def.innerType);
    case 'pipe':
      return alternatives(def.in);
    case 'union':
      return def.options.flatMap(alternatives);
    default:
      return [schema];
  }
}

/** Schemas of the value one step below `schema`; empty if there can be none. */
export function below(schema: z.core.$ZodType, step: PropertyKey): z.core.$ZodType[] {
  return alternatives(schema).flatMap((option) => {
    const { def } = (option as z.core.$ZodTypes)._zod;
    if (def.type === 'object') return def.shape[String(step)] ?? [];
    if (def.type === 'record') return def.valueType;
    return def.type === 'array' ? def.element : [];
  });
}

/** Keys that `schema` names. */
export function keysOf(schema: z.core.$ZodType): string[] {
  return alternatives(schema).flatMap((option) => {
    const { def } = (option as z.core.$ZodTypes)._zod;
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });
}

/** Schemas of the value at `path`. */
export function at(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType[] {
  return path.reduce<z.core.$ZodType[]>((found, step) => found.flatMap((one) => below(one, step)), [schema]);
}
