import * as z from 'zod';
import { httpToken } from '../model/http-names.ts';

const framing = 'it frames the message, which is up to Sluice alone';
const written = 'Sluice writes it itself';
const hop = 'it belongs to one connection and is never forwarded (RFC 9110 section 7.6.1)';

/** Fields that no policy may change, in lower case, each with the reason. */
const refused: ReadonlyMap<string, string> = new Map([
  ['content-length', framing],
  ['transfer-encoding', framing],
  ['trailer', framing],
  ['expect', framing],
  ['client-cert', written],
  ['client-cert-chain', written],
  ['date', written],
  ['forwarded', written],
  ['x-forwarded-for', written],
  ['x-forwarded-host', written],
  ['x-forwarded-proto', written],
  ['x-request-id', written],
  ['connection', hop],
  ['keep-alive', hop],
  ['proxy-connection', hop],
  ['te', hop],
  ['upgrade', hop],
  ['host', "it follows from the target's URL"],
]);

/** Text of a field value by RFC 9110 section 5.5: no CR, LF, NUL or other control characters, so that a value cannot inject a line. */
export const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fault of a field name for a policy; undefined if it may be changed. */
export function faultOfName(name: string): string | undefined {
  if (!httpToken.test(name)) return "is not a header field name: letters, digits and !#$%&'*+-.^_`|~ only";
  const reason = refused.get(name.toLowerCase());
  return reason === undefined ? undefined : `must not be changed: ${reason}`;
}

/** A value of a field that a project sets. */
export const valueOfField = z
  .union([z.string(), z.number()], 'must be text')
  .transform((given) => String(given).replace(/^[ \t]+|[ \t]+$/g, ''))
  .refine((text) => fieldValue.test(text), 'must be Latin-1 text on one line, without control characters');

/** Name of a field that policies may change. */
export const changeableField = z.string().check((context) => {
  const fault = faultOfName(context.value);
  if (fault !== undefined)
    context.issues.push({ code: 'custom', input: context.value, message: `${JSON.stringify(context.value)} ${fault}` });
});

/** Schema of a record with field names as keys. Two names that differ only in case are a fault, since they are the same field. */
export function byFieldName<Value extends z.ZodType>(values: Value) {
  return z
    .record(z.string(), values)
    .check((context) => {
      const seen = new Set<string>();
      for (const key of Object.keys(context.value)) {
        const fault = seen.has(key.toLowerCase()) ? 'is given twice: field names are case-insensitive' : faultOfName(key);
        if (fault !== undefined)
          context.issues.push({ code: 'custom', input: key, path: [key], message: `${JSON.stringify(key)} ${fault}` });
        seen.add(key.toLowerCase());
      }
    })
    .default({});
}
