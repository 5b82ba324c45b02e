import * as z from 'zod';
import type { HeaderFields, RequestView } from '../http1/message/message-view.ts';
import { httpToken } from '../model/http-names.ts';
import { CertificateTemplate, certificateReferences } from './certificate-template.ts';
import type { PolicyType } from './contract.ts';
import { readShown } from './shown-certificate.ts';

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

/** Field values by RFC 9110 section 5.5: no CR, LF, NUL or other control characters, so that a value cannot inject a line. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fault of a field name for a policy; undefined if it may be changed. */
function faultOfName(name: string): string | undefined {
  if (!httpToken.test(name)) return "is not a header field name: letters, digits and !#$%&'*+-.^_`|~ only";
  const reason = refused.get(name.toLowerCase());
  return reason === undefined ? undefined : `must not be changed: ${reason}`;
}

const value = z
  .union([z.string(), z.number()], 'must be text')
  .transform((given) => String(given).replace(/^[ \t]+|[ \t]+$/g, ''))
  .refine((text) => fieldValue.test(text), 'must be Latin-1 text on one line, without control characters');

const name = z.string().check((context) => {
  const fault = faultOfName(context.value);
  if (fault !== undefined)
    context.issues.push({ code: 'custom', input: context.value, message: `${JSON.stringify(context.value)} ${fault}` });
});

/** Schema of a record with field names as keys. Two names that differ only in case are a fault, since they are the same field. */
function byName<Value extends z.ZodType>(values: Value) {
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

const settings = z
  .strictObject({
    remove: z.array(name).default([]).meta({ description: 'names of fields to remove' }),
    set: byName(value).meta({
      description:
        'name and value; replaces every line of this name. A value may tell of the client certificate, for example `${clientCertificate.subject}`; without a certificate the lines are removed',
    }),
    add: byName(
      z
        .union([value, z.array(value)], 'must be one line of Latin-1 text, or a list of such lines')
        .transform((given) => (Array.isArray(given) ? given : [given])),
    ).meta({
      description:
        'name and value, or a list of values; appends a line for each value. A value may tell of the client certificate; without one its line is left out',
    }),
  })
  .refine(
    (given) => given.remove.length + Object.keys(given.set).length + Object.keys(given.add).length > 0,
    'needs at least one of set, add, remove',
  );

/**
 * Changes header fields: of the request at `proxyRequest` and `targetRequest`, of the response at `targetResponse`
 * and `proxyResponse`. First `remove` (names), then `set` (replaces every line of the name), then `add` (appends a
 * line, or one for each value of a list). A value that tells of the client's certificate is never what the client itself has sent in the field.
 */
export const headers: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse'],
  references: certificateReferences,
  *create({ remove, set, add }) {
    const replaced: [field: string, text: string | CertificateTemplate][] = [];
    for (const [field, text] of Object.entries(set)) {
      replaced.push([field, CertificateTemplate.of(text)]);
      yield;
    }
    const added: typeof replaced = [];
    for (const [field, values] of Object.entries(add)) {
      for (const text of values) added.push([field, CertificateTemplate.of(text)]);
      yield;
    }
    const edit = (fields: HeaderFields, request: RequestView): void => {
      for (const field of remove) fields.remove(field);
      for (const [field, text] of replaced) {
        const filled = typeof text === 'string' ? text : filledFor(request, text);
        if (filled === undefined) fields.remove(field);
        else fields.set(field, filled);
      }
      for (const [field, text] of added) {
        const filled = typeof text === 'string' ? text : filledFor(request, text);
        if (filled !== undefined) fields.add(field, filled);
      }
    };
    return {
      run({ request, response }) {
        edit((response ?? request).headers, request);
        return undefined;
      },
    };
  },
};

/** The text for the client's certificate; undefined: the client has shown none. */
function filledFor({ clientCertificate }: RequestView, template: CertificateTemplate): string | undefined {
  const shown = clientCertificate === undefined ? undefined : readShown(clientCertificate);
  return shown && template.fill(shown);
}
