import { apiKey } from './api-key.ts';
import { basicAuth } from './basic-auth.ts';
import { bodyLimit } from './body-limit.ts';
import { cache } from './cache/cache.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { clientCertificate } from './client-certificate.ts';
import { compress } from './compress.ts';
import { concurrency } from './concurrency.ts';
import type { PolicyType } from './contract.ts';
import { cors } from './cors.ts';
import { extAuth } from './ext-auth.ts';
import { headers } from './headers.ts';
import { ipFilter } from './ip-filter.ts';
import { jwt } from './jwt.ts';
import { log } from './log.ts';
import { mirror } from './mirror.ts';
import { oauth2 } from './oauth2.ts';
import { oidc } from './oidc.ts';
import { quota } from './quota.ts';
import { rateLimit } from './rate-limit.ts';
import { redirect } from './redirect.ts';
import { respond } from './respond.ts';
import { retry } from './retry.ts';
import { rewrite } from './rewrite.ts';
import { spikeArrest } from './spike-arrest.ts';
import { timeout } from './timeout.ts';
import { transform } from './transform.ts';
import { validate } from './validate/validate.ts';

/** All types of policies, by the name that projects use. */
export const policyTypes: ReadonlyMap<string, PolicyType> = new Map<string, PolicyType>(
  Object.entries({
    apiKey,
    basicAuth,
    bodyLimit,
    cache,
    circuitBreaker,
    clientCertificate,
    compress,
    concurrency,
    cors,
    extAuth,
    headers,
    ipFilter,
    jwt,
    log,
    mirror,
    oauth2,
    oidc,
    quota,
    rateLimit,
    redirect,
    respond,
    retry,
    rewrite,
    spikeArrest,
    timeout,
    transform,
    validate,
  }),
);
