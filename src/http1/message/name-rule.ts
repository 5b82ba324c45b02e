import { fieldIdOf } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import { endOfRun, foldedName, NAME } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/**
 * Treatment of fields whose names have other characters than letters, digits and hyphens. CGI and WSGI turn each of these characters into
 * an underscore, so that `X_User` and `X-User` become one variable: a field that Sluice or a policy sets could be forged.
 */
export type NameRule = 'drop' | 'reject' | 'keep';

/**
 * Applies the rule to lines, some of which have odd names. Even `keep` strikes another spelling of a name that Sluice knows, such as
 * `X_Forwarded_For`.
 */
export function applyNameRule(fields: FieldLines, rule: NameRule): WireFault | undefined {
  if (rule === 'reject') return wireFaults.ambiguousFieldName;
  for (let line = 0; line < fields.count; line++) {
    const start = fields.base + fields.start(line);
    const end = fields.base + fields.nameEnd(line);
    if (endOfRun(fields.bytes, start, end, NAME) < end && (rule === 'drop' || isKnownOtherwise(fields.bytes, start, end)))
      fields.strike(line);
  }
  return undefined;
}

function isKnownOtherwise(bytes: Buffer, start: number, end: number): boolean {
  const folded = bytes.subarray(start, end).map((octet) => foldedName[octet] as number);
  return fieldIdOf(folded, 0, folded.length) !== 0;
}
