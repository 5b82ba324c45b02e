import { hash } from 'node:crypto';
import * as z from 'zod';
import type { RequestView } from '../http1/message/message-view.ts';
import { httpToken } from '../model/http-names.ts';
import type { Decision, PolicyContext, PolicyType } from './contract.ts';
import { cookieValue, removeCookies } from './cookies.ts';
import { parameterValue, QueryEdit } from './query-edit.ts';
import { consumersUnknown, type Refusal, refuse } from './refusal.ts';
import { faultOfName } from './written-fields.ts';

/** Longest key that is looked at. A longer one is unknown. */
const mostCharacters = 4096;
const defaultHeader = 'x-api-key';

const settings = z
  .strictObject({
    header: z
      .string()
      .regex(httpToken, 'must be a header field name')
      .refine((name) => name.toLowerCase() === 'cookie' || faultOfName(name) === undefined, 'must be a field that may be removed')
      .refine((name) => name.toLowerCase() !== 'cookie', 'must not be the field Cookie: give the name of the cookie as cookie')
      .optional()
      .meta({ description: `header field that holds the key; \`${defaultHeader}\` if no place is given` }),
    cookie: z.string().regex(httpToken, 'must be the name of a cookie').optional().meta({ description: 'cookie that holds the key' }),
    query: z
      .string()
      .regex(/^[A-Za-z0-9._~-]{1,100}$/, 'must be the name of a parameter')
      .optional()
      .meta({ description: 'parameter of the query that holds the key. The access log has the query, and thereby the key' }),
    keys: z
      .array(
        z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII text, not empty, without spaces at its ends'),
      )
      .min(1, 'needs at least one key')
      .optional()
      .meta({
        description:
          'keys of which a request needs one. Everyone with the admin token can read them; use a variable to keep them out of the file',
      }),
    consumers: z.boolean().default(false).meta({
      description: 'true: the keys of all consumers (`sluice consumer key`) are valid, and the request has its consumer from then on',
    }),
    forward: z
      .boolean()
      .default(false)
      .meta({ description: 'true: the target gets the key. Otherwise field, cookie and parameter are removed' }),
  })
  .refine(({ keys, consumers }) => keys !== undefined || consumers, { path: ['keys'], error: 'needs keys, or consumers: true' });

/**
 * Lets a request pass only with one of `keys`, or with the key of a consumer (`consumers: true`); else answers 401. Keys are kept as SHA-256 digests,
 * and found by them, so that timing tells nothing about a key. With several places, the first one that holds a key counts; all of them are hidden.
 */
export const apiKey: PolicyType<typeof settings> = {
  settings,
  dry: ({ consumers }) => !consumers,
  points: ['proxyRequest'],
  *create({ header: field, cookie, query, keys, consumers, forward }, { services }) {
    const header = field ?? (cookie === undefined && query === undefined ? defaultHeader : undefined);
    const digests = new Set<string>();
    for (const key of keys ?? []) {
      digests.add(digestOf(key));
      yield;
    }
    const places = Object.entries({ field: header, cookie, parameter: query }).flatMap(([what, name]) =>
      name ? `the ${what} ${name}` : [],
    );
    const edit = query === undefined ? undefined : new QueryEdit([query]);
    const missing = refusal('api-key-missing', `The request needs an API key in ${places.join(' or ')}`);
    const { callers } = services;
    /** Keys of `keys` that a request has shown, whose digests need not be made again. Texts are found by hashes with a seed, which timing does not reveal. */
    const seen = new Set<string>();
    /** null: the place holds several keys. */
    const keyIn = (request: RequestView): string | undefined | null => {
      const { headers } = request;
      const inField = header === undefined ? undefined : headers.get(header);
      if (inField !== undefined) return inField;
      const inCookie = cookie === undefined ? undefined : cookieValue(headers, cookie);
      if (inCookie !== undefined) return inCookie;
      return query === undefined ? undefined : parameterValue(request.target, query);
    };
    const parts = Object.entries({ header, cookie, query }).flatMap(([what, name]) => (name === undefined ? [] : `${what}:${name}`));
    /** The part that holds the key. */
    const partIn = ({ headers }: RequestView): string | undefined => {
      if (parts.length === 1) return parts[0];
      if (header !== undefined && headers.get(header) !== undefined) return `header:${header}`;
      return cookie !== undefined && cookieValue(headers, cookie) !== undefined ? `cookie:${cookie}` : `query:${query}`;
    };
    const hide = (context: PolicyContext) => {
      const { request } = context;
      if (header !== undefined) request.headers.remove(header);
      if (cookie !== undefined) removeCookies(request.headers, (name) => name === cookie);
      if (edit === undefined) return;
      const { tail } = context;
      const start = tail.indexOf('?');
      if (start !== -1) context.sendTo({ tail: tail.slice(0, start) + edit.apply(tail.slice(start), []) });
    };
    return {
      run(context): Decision {
        const shown = keyIn(context.request);
        if (shown === undefined) return refuse(context, missing);
        if (shown === null || shown.length > mostCharacters) return refuse(context, unknown);
        if (!seen.has(shown)) {
          const digest = digestOf(shown);
          if (digests.has(digest)) seen.add(shown);
          else {
            const caller = consumers ? callers.byKey(digest) : undefined;
            if (caller === undefined) return refuse(context, consumers && !callers.known ? consumersUnknown : unknown);
            context.caller = caller;
            context.identifiedBy = partIn(context.request);
          }
        }
        // A target that gets the key may answer each key in its own way.
        if (forward) context.caller ??= {};
        else hide(context);
        return undefined;
      },
    };
  },
};

/** SHA-256 of a key as Latin-1 text of 32 characters, which takes less memory than hexadecimal digits. */
function digestOf(key: string): string {
  return hash('sha256', key, 'binary');
}

function refusal(code: string, title: string): Refusal {
  return { status: 401, code, title, headers: { 'www-authenticate': 'ApiKey' } };
}

const unknown = refusal('api-key-unknown', 'The API key is unknown');
