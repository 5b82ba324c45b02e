import * as z from 'zod';
import { contentHash } from '../model/content-hash.ts';
import { duration } from '../model/quantity.ts';
import { hideToken, noteToken, shownToken, tokenPlace, tokenRefusal } from './bearer.ts';
import { ClaimFields, claimFields, type ToldCaller } from './claim-fields.ts';
import type { Decision, PolicyContext, PolicyType } from './contract.ts';
import { type InactiveToken, Introspector } from './introspector.ts';
import { type Refusal, refuse } from './refusal.ts';
import { authorities, clientCredentials, patience, serviceUrl, texts } from './service-settings.ts';
import { HeldState } from './shared-states.ts';

const settings = z.strictObject({
  url: serviceUrl.meta({ description: 'introspection endpoint of the authorization server (RFC 7662)' }),
  ...clientCredentials,
  ca: authorities,
  timeout: patience.prefault('5s').meta({ description: 'time until the authorization server must have answered' }),
  cache: duration.prefault('60s').meta({
    description:
      'time for which an answer about an active token is remembered, at most until the token expires. A token that is revoked can be used that long',
  }),
  audience: texts
    .optional()
    .meta({ description: 'audience (`aud`) of accepted tokens, or a list of which a token needs one. Not given: any' }),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope: visible ASCII characters without " and \\'))
    .default([])
    .meta({ description: 'scopes that a token must have, all of them' }),
  claims: claimFields,
  consumer: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "member of the answer that names the request's consumer, for example `client_id`" }),
  ...tokenPlace,
});

/** Lets a request pass only with a token that its authorization server calls active (RFC 7662); else answers 401, or 403 without a scope. */
export const oauth2: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create(given, { services }) {
    const { url, ca, clientId, clientSecret, timeout, cache, audience = [], scopes, claims, consumer } = given;
    yield;
    const fields = new ClaimFields(claims);
    const demands = { url, ca, clientId, clientSecret, timeoutMs: timeout, rememberMs: cache, audience, scopes, consumer };
    const inspector = new HeldState(
      services.shared,
      `introspection ${contentHash({ ...demands, claims })}`,
      () => new Introspector(demands, fields, services),
    );
    const lacking: Refusal = {
      status: 403,
      code: 'token-scope',
      title: 'The token lacks a scope that is needed',
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"` },
    };
    const refusals: Readonly<Record<InactiveToken, Refusal>> = { away, inactive, foreign, scope: lacking };
    const decide = (context: PolicyContext, result: ToldCaller | InactiveToken): Decision => {
      if (typeof result === 'string') return refuse(context, refusals[result]);
      fields.tell(context, result);
      noteToken(context, given);
      hideToken(context.request.headers, given);
      return undefined;
    };
    return {
      begin: () => inspector.begin(),
      end: () => inspector.end(),
      run(context) {
        const shown = shownToken(context.request.headers, given);
        if (!('token' in shown)) return refuse(context, shown);
        const result = inspector.value.inspect(shown.token);
        return result instanceof Promise ? result.then((late) => decide(context, late)) : decide(context, result);
      },
    };
  },
};

const away: Refusal = {
  status: 503,
  code: 'token-server-unavailable',
  title: 'The server that tells about tokens cannot be asked at the moment',
  headers: { 'retry-after': '5' },
};
const inactive = tokenRefusal('token-inactive', 'The token is not active');
const foreign = tokenRefusal('token-foreign', 'The token is for another audience');
