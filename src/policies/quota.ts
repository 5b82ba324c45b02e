import * as z from 'zod';
import { micro, quotaPeriods } from '../limits/limit-store.ts';
import type { PolicyType } from './contract.ts';
import { limitPolicy } from './limit-policy.ts';
import { by, requests } from './limit-settings.ts';

const settings = z.strictObject({
  limit: requests.meta({ description: 'requests that may pass in one period, on all gateway servers together' }),
  period: z.enum(quotaPeriods).meta({ description: 'calendar period in UTC; weeks begin on Monday' }),
  by: by.default('consumer'),
  exact: z.boolean().default(false).meta({ description: 'the registry decides about each request, which waits for that' }),
  fields: z.boolean().default(true).meta({ description: 'answers have the fields `RateLimit-Policy` and `RateLimit`' }),
});

/** Refuses requests with 429 once a calendar period's quota is used up. The count outlives restarts. */
export const quota: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest'],
  stateful: true,
  // biome-ignore lint/correctness/useYield: there is nothing large to do in pieces
  *create({ limit, period, by, exact, fields }, scope) {
    return limitPolicy(scope, by, {
      name: `quota-${limit}-${period}`,
      rule: { kind: 'quota', limit: limit * micro, period },
      exact,
      fields,
      code: 'quota-exceeded',
      title: `The quota of this ${period} is used up`,
    });
  },
};
