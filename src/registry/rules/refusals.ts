import type * as z from 'zod';
import { check } from '../../config/check.ts';
import { describeFault } from '../../config/refusal.ts';
import { type ExpectedTags, satisfies } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import { hasHiddenKey } from '../../model/hidden-keys.ts';
import type { Ledger } from './ledger.ts';

const mostNamed = 10;

/** Returns the checked value. Throws `invalid` with every fault; its message begins with `what`. */
export function valid<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  const checked = check(value, schema);
  if (!checked.faults) return checked.value;
  const { faults } = checked;
  const more = faults.length > 3 ? ` and ${faults.length - 3} more` : '';
  const told = faults.slice(0, 3).map((fault) => describeFault(fault));
  throw new SluiceError('invalid', `${what}: ${told.join('; ')}${more}`, { faults });
}

/** Throws `invalid` if the digest of a private key stands where the key should: answers of the admin API show keys so. `what` names the object. */
export function mustHaveKeys(what: string, value: unknown): void {
  if (!hasHiddenKey(value)) return;
  const message = 'the digest of a private key stands where the key should, and the registry has no such key here: give the key itself';
  throw new SluiceError('invalid', `${what}: ${message}`);
}

/** Throws `version-mismatch` if a condition is not satisfied. `what` names the object. */
export function mustSatisfy(what: string, expect: ExpectedTags | undefined, tag: string | undefined): void {
  if (satisfies(expect, tag)) return;
  const state = tag === undefined ? 'does not exist' : `has changed; its ETag is now "${tag}"`;
  throw new SluiceError('version-mismatch', `${what} ${state}: read it again, then decide`);
}

/** Makes a `not-found` error that names the environments or projects that do exist. */
export async function noSuch(ledger: Ledger, kind: 'environment' | 'project', name: string): Promise<SluiceError> {
  const existing = (await ledger.list(kind)).all(kind).map((entry) => entry.name);
  return notAmong(`there is no ${kind} "${name}"`, existing);
}

/** Makes a `not-found` error: `message`, then up to ten of the `existing` names. */
export function notAmong(message: string, existing: readonly (string | number)[]): SluiceError {
  const rest = existing.length > mostNamed ? ` and ${existing.length - mostNamed} more` : '';
  const remedy = existing.length === 0 ? 'none exists yet' : `known: ${existing.slice(-mostNamed).join(', ')}${rest}`;
  return new SluiceError('not-found', `${message}; ${remedy}`);
}
