import { createHash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { Policy, PolicyAnswer, PolicyType } from './contract.ts';

const settings = z.strictObject({
  header: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a header field name')
    .default('x-api-key')
    .meta({ description: 'field that holds the key. It goes on to the target unless a `headers` policy removes it later' }),
  keys: z
    .array(
      z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII text, not empty, without space at its ends'),
    )
    .min(1, 'needs at least one key')
    .meta({
      description: 'keys that let a request pass. Whoever has the admin token can read them; a variable keeps them out of the file',
    }),
});

/**
 * Lets a request pass only if the field `header` (default `x-api-key`) holds one of `keys`; else answers 401.
 * Keys are held as SHA-256 digests and compared in constant time, all of them, so that timing tells nothing.
 */
export const apiKey: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  create({ header, keys }): Policy {
    const digests = keys.map(digest);
    return {
      run({ request, requestId }) {
        const shown = request.headers.get(header);
        if (shown === undefined) return refusal('api-key-missing', `The field ${header} with an API key is needed`, requestId);
        const candidate = digest(shown);
        let known = false;
        for (const each of digests) known = timingSafeEqual(each, candidate) || known;
        return known ? undefined : refusal('api-key-unknown', 'The API key is not known here', requestId);
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
