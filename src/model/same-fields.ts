import { isDeepStrictEqual } from 'node:util';

/** True if every field of two objects, except those named, has the same value. Costs little where most values are the same objects. */
export function sameFields(one: object, other: object, except?: ReadonlySet<string>): boolean {
  return sameIn(one, other, except) && sameIn(other, one, except);
}

function sameIn(one: object, other: object, except: ReadonlySet<string> | undefined): boolean {
  for (const name in one) {
    if (except?.has(name)) continue;
    const [value, otherValue] = [one[name as never] as unknown, other[name as never] as unknown];
    if (value !== otherValue && !isDeepStrictEqual(value, otherValue)) return false;
  }
  return true;
}
