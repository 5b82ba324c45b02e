import * as z from 'zod';
import { contentHash } from '../model/content-hash.ts';
import { duration } from '../model/quantity.ts';
import { hideToken, noteToken, plainlyShown, shownToken, tokenPlace, tokenRefusal } from './bearer.ts';
import { ClaimFields, claimFields, type ToldCaller } from './claim-fields.ts';
import type { Decision, PolicyContext, PolicyType } from './contract.ts';
import { isUrl, KeySet } from './key-set.ts';
import { type Refusal, refuse } from './refusal.ts';
import { authorities, texts } from './service-settings.ts';
import { HeldState } from './shared-states.ts';
import { type TokenFault, TokenVerifier } from './token-verifier.ts';

/** Algorithms whose keys can be public. A secret (HS256) would let all who can check tokens make them, and `none` protects nothing. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;

const settings = z.strictObject({
  jwks: z
    .string()
    .refine(
      (text) => (isUrl(text) ? URL.canParse(text) : /^\/[^\0]+$/.test(text)),
      'must be an http:// or https:// URL, or the absolute path of a file on the gateway servers',
    )
    .meta({
      description: "URL of the issuer's public keys (JWK Set, RFC 7517), or the absolute path of a file with them on each gateway server",
    }),
  ca: authorities,
  issuer: texts.optional().meta({ description: 'issuer (`iss`) of accepted tokens, or a list. Not given: any that the keys belong to' }),
  audience: texts.optional().meta({
    description:
      'audience (`aud`) of accepted tokens, or a list of which a token needs one. Not given: any, so that tokens for other APIs are accepted too',
  }),
  leeway: duration.prefault('30s').meta({ description: 'difference of clocks that is tolerated at `exp` and `nbf`' }),
  algorithms: z
    .array(z.enum(algorithms, `must be one of ${algorithms.join(', ')}: algorithms with a shared secret, and none, are never accepted`))
    .min(1)
    .default([...algorithms])
    .meta({ description: 'algorithms of accepted signatures. A key that names its algorithm is used for no other' }),
  required: z.array(z.string().min(1)).default(['exp']).meta({ description: 'claims that a token must have' }),
  claims: claimFields,
  consumer: z.string().min(1).optional().meta({ description: "claim that names the request's consumer, for example `sub` or `azp`" }),
  ...tokenPlace,
});

/** Lets a request pass only with a signed token (JWT, RFC 7519) of an issuer whose keys are known; else answers 401 as RFC 6750 says. */
export const jwt: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create(given, { services }) {
    const { jwks, ca, claims, consumer, issuer = [], audience = [], leeway: leewayMs, required } = given;
    yield;
    const fields = new ClaimFields(claims);
    const keys = new HeldState(services.shared, `keys ${contentHash({ jwks, ca })}`, () => new KeySet({ jwks, ca }, services));
    const demands = { algorithms: given.algorithms, issuer, audience, required, leewayMs, consumer };
    const verifier = new HeldState(
      services.shared,
      `tokens ${contentHash({ jwks, ca, claims, ...demands })}`,
      () => new TokenVerifier(keys.value, demands, fields, services),
    );
    const decide = (context: PolicyContext, result: ToldCaller | TokenFault): Decision => {
      if (typeof result === 'string') return refuse(context, refusals[result]);
      fields.tell(context, result);
      noteToken(context, given);
      hideToken(context.request.headers, given);
      return undefined;
    };
    return {
      begin() {
        keys.begin();
        verifier.begin();
      },
      end() {
        verifier.end();
        keys.end();
      },
      run(context) {
        const { headers } = context.request;
        const tokens = verifier.value;
        const plain = plainlyShown(headers, given);
        const known = plain === undefined ? undefined : tokens.remembered(plain);
        if (known !== undefined) return decide(context, known);
        const shown = shownToken(headers, given);
        if (!('token' in shown)) return refuse(context, shown);
        const result = tokens.remembered(shown.token);
        return result === undefined ? tokens.verify(shown.token).then((late) => decide(context, late)) : decide(context, result);
      },
    };
  },
};

const refusals: Readonly<Record<TokenFault, Refusal>> = {
  'no-keys': {
    status: 503,
    code: 'token-keys-unavailable',
    title: 'The keys that tokens are checked with are not available yet',
    headers: { 'retry-after': '5' },
  },
  expired: tokenRefusal('token-expired', 'The token has expired'),
  early: tokenRefusal('token-early', 'The token is not valid yet'),
  foreign: tokenRefusal('token-foreign', 'The token is of another issuer or for another audience'),
  incomplete: tokenRefusal('token-incomplete', 'The token lacks a claim that is needed'),
  unverified: tokenRefusal('token-invalid', 'The token could not be verified'),
};
