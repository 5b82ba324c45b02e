import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { limitPolicy } from './limit-policy.ts';
import { bucketRule, by, rate, requests } from './limit-settings.ts';

const settings = z.strictObject({
  rate: rate.meta({
    description: 'requests in a second, minute or hour that may pass, evenly, on all gateway servers together: `100/s`, `30/m`',
  }),
  burst: requests.optional().meta({ description: 'requests that may pass at once; not given: those of a tenth of a second, at least 1' }),
  by: by.default('all'),
  fields: z.boolean().default(false).meta({ description: 'answers have the fields `RateLimit-Policy` and `RateLimit`' }),
});

/** Smooths traffic: refuses requests with 429 that come faster than the rate, however few came before. */
export const spikeArrest: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest'],
  stateful: true,
  // biome-ignore lint/correctness/useYield: there is nothing large to do in pieces
  *create({ rate: { limit, windowMs }, burst, by, fields }, scope) {
    const tenth = Math.max(1, Math.floor(((limit / windowMs) * 1000) / 10));
    return limitPolicy(scope, by, {
      name: `spike-arrest-${limit}-${windowMs}ms`,
      rule: bucketRule({ limit, windowMs, burst: burst ?? tenth }),
      fields,
      code: 'spike-arrested',
      title: 'Too many requests at once: try again later',
    });
  },
};
