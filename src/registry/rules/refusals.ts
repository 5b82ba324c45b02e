import type * as z from 'zod';
import { check, describeFault } from '../../config/check.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Ledger } from './ledger.ts';

const shown = 10;

/** The checked value, or `invalid` with every fault. `what` begins the message. */
export function valid<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  const checked = check(value, schema);
  if (!checked.faults) return checked.value;
  const { faults } = checked;
  const more = faults.length > 3 ? ` and ${faults.length - 3} more` : '';
  const told = faults.slice(0, 3).map((fault) => describeFault(fault));
  throw new SluiceError('invalid', `${what}: ${told.join('; ')}${more}`, { faults });
}

/** `not-found`, with what does exist. */
export async function noSuch(ledger: Ledger, kind: 'environment' | 'project', name: string): Promise<SluiceError> {
  const existing = (await ledger.list(kind)).all(kind).map((entry) => entry.name);
  return notAmong(`there is no ${kind} "${name}"`, existing);
}

/** `not-found`: `message`, and what there is instead. */
export function notAmong(message: string, existing: readonly (string | number)[]): SluiceError {
  const rest = existing.length > shown ? ` and ${existing.length - shown} more` : '';
  const remedy = existing.length === 0 ? 'there is none yet' : `there is: ${existing.slice(-shown).join(', ')}${rest}`;
  return new SluiceError('not-found', `${message}; ${remedy}`);
}
