import { createHash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { httpToken } from '../model/http-names.ts';
import type { PolicyAnswer, PolicyType } from './contract.ts';

const settings = z.strictObject({
  header: z
    .string()
    .regex(httpToken, 'must be a header field name')
    .default('x-api-key')
    .meta({ description: 'header field that holds the key. It is forwarded to the target unless a `headers` policy removes it later' }),
  keys: z
    .array(
      z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII text, not empty, without spaces at its ends'),
    )
    .min(1, 'needs at least one key')
    .meta({
      description:
        'keys of which a request needs one. Everyone with the admin token can read them; use a variable to keep them out of the file',
    }),
});

/**
 * Lets a request pass only if the field `header` (default `x-api-key`) holds one of `keys`; else answers 401.
 * Keys are kept as SHA-256 digests. A request's key is compared with all of them in constant time, so that timing reveals nothing.
 */
export const apiKey: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create({ header, keys }) {
    const digests: Buffer[] = [];
    for (const key of keys) {
      digests.push(digest(key));
      yield;
    }
    return {
      run({ request, requestId }) {
        const shown = request.headers.get(header);
        if (shown === undefined) return refusal('api-key-missing', `The request needs an API key in the field ${header}`, requestId);
        const candidate = digest(shown);
        let known = false;
        for (const each of digests) known = timingSafeEqual(each, candidate) || known;
        return known ? undefined : refusal('api-key-unknown', 'The API key is unknown', requestId);
      },
    };
  },
};

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}

function refusal(code: string, title: string, requestId: string): PolicyAnswer {
  return {
    status: 401,
    headers: { 'content-type': 'application/problem+json', 'www-authenticate': 'ApiKey' },
    body: `${JSON.stringify({ type: 'about:blank', title, status: 401, code, requestId })}\n`,
  };
}
