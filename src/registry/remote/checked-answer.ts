import type * as z from 'zod';
import { type Checked, check } from '../../config/check.ts';
import { manifestEntry } from '../../model/manifest.ts';
import { inTurns, type Pieces } from '../../model/pieces.ts';
import { type MethodName, methods } from './methods.ts';

/** Deployments that are checked in one go. */
const few = 100;

/** Checks the result of a call. The deployments of a large environment are checked in turns of the event loop. */
export async function checkedAnswer(method: MethodName, result: unknown): Promise<Checked<unknown>> {
  const schema: z.ZodType = methods[method].result;
  const { update } = (result ?? {}) as { update?: { put?: unknown } };
  return Array.isArray(update?.put) && update.put.length > few
    ? inTurns(checkedUpdate(result as object, update, update.put, schema))
    : check(result, schema);
}

function* checkedUpdate(result: object, update: object, given: readonly unknown[], schema: z.ZodType): Pieces<Checked<unknown>> {
  const around = check({ ...result, update: { ...update, put: [] } }, schema);
  if (around.faults) return around;
  const put: unknown[] = [];
  for (const [index, one] of given.entries()) {
    const { value, faults } = check(one, manifestEntry);
    if (faults) return { faults: faults.map((fault) => ({ ...fault, path: `update.put.${index}.${fault.path}` })) };
    put.push(value);
    yield;
  }
  const value = around.value as { readonly update: object };
  return { value: { ...value, update: { ...value.update, put } } };
}
