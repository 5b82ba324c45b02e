import * as z from 'zod';
import type { Caller, PolicyContext } from './contract.ts';
import { faultOfName } from './written-fields.ts';

/** Claims of a token, as its issuer has stated them. */
export type Claims = Readonly<Record<string, unknown>>;

/** Schema of the setting `claims`: the name of a claim, and the field in which the target gets it. */
export const claimFields = z
  .record(z.string().min(1), z.string())
  .check((context) => {
    const seen = new Set<string>();
    for (const [claim, field] of Object.entries(context.value)) {
      const lower = field.toLowerCase();
      const fault = faultOfName(field) ?? (seen.has(lower) ? 'is given twice: a field can hold one claim' : undefined);
      if (fault !== undefined)
        context.issues.push({ code: 'custom', input: field, path: [claim], message: `${JSON.stringify(field)} ${fault}` });
      seen.add(lower);
    }
  })
  .default({})
  .meta({
    description:
      'claims to tell the target, each with the name of a field. A claim within another one is written with dots: `realm_access.roles`. The fields are removed from what the client sent, also if the token lacks the claim',
  });

/** A caller, and what the fields tell the target of it. */
export interface ToldCaller {
  readonly caller: Caller;
  /** In the order of the fields, as {@link ClaimFields.valuesOf} returns them. */
  readonly values: readonly (string | undefined)[];
}

/** Writes claims into fields of the request to the target. What the client itself has sent in these fields never reaches the target. */
export class ClaimFields {
  readonly #fields: readonly (readonly [claim: string, field: string])[];

  constructor(fields: Readonly<Record<string, string>>) {
    this.#fields = Object.entries(fields);
  }

  /** Values of the fields, in their order, for {@link tell}. */
  valuesOf(claims: Claims): readonly (string | undefined)[] {
    return this.#fields.map(([claim]) => fieldValueOf(claimOf(claims, claim)));
  }

  /** Makes this the caller of the request, and writes the fields. */
  tell(context: PolicyContext, { caller, values }: ToldCaller): void {
    const { headers } = context.request;
    context.caller = caller;
    for (let index = 0; index < this.#fields.length; index++) {
      const field = (this.#fields[index] as readonly [string, string])[1];
      const value = values[index];
      if (value === undefined) headers.remove(field);
      else headers.set(field, value);
    }
  }
}

/** A claim by its name, or by the names on the way to it with dots between. A name that has dots itself comes first. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let part: unknown = claims;
  for (const key of name.split('.')) {
    if (part === null || typeof part !== 'object' || !Object.hasOwn(part, key)) return undefined;
    part = (part as Claims)[key];
  }
  return part;
}

/** A claim as a text that can name a caller; undefined: it is no text. */
export function nameIn(claims: Claims, claim: string | undefined): string | undefined {
  const value = claim === undefined ? undefined : claimOf(claims, claim);
  return typeof value === 'string' && value !== '' && value.length <= 256 ? value : typeof value === 'number' ? String(value) : undefined;
}

/**
 * A claim as one line of visible ASCII. All other octets of its UTF-8 form, and `%`, are percent-encoded, so that a value can neither break the line
 * nor be read in two ways. Members of a list have commas between; a comma in a member is encoded too. Objects are JSON.
 */
function fieldValueOf(claim: unknown): string | undefined {
  if (claim === undefined || claim === null) return undefined;
  if (Array.isArray(claim)) return claim.map((member) => encoded(textOf(member)).replaceAll(',', '%2C')).join(',');
  return encoded(textOf(claim));
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : JSON.stringify(claim);
}

function encoded(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent)
    .replace(/^ | $/g, '%20');
}
