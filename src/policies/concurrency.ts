import * as z from 'zod';
import { micro } from '../limits/limit-store.ts';
import type { PolicyType } from './contract.ts';
import { limitPolicy } from './limit-policy.ts';
import { by, requests } from './limit-settings.ts';

const settings = z.strictObject({
  limit: requests.meta({ description: 'requests that may be under way at the same time, on all gateway servers together' }),
  by: by.default('all'),
  fields: z.boolean().default(false).meta({ description: 'answers have the fields `RateLimit-Policy` and `RateLimit`' }),
});

/** Refuses a request with 429 while as many as `limit` are under way. */
export const concurrency: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest'],
  stateful: true,
  // biome-ignore lint/correctness/useYield: there is nothing large to do in pieces
  *create({ limit, by, fields }, scope) {
    return limitPolicy(scope, by, {
      name: `concurrency-${limit}`,
      rule: { kind: 'slots', limit: limit * micro },
      fields,
      code: 'too-many-at-once',
      title: 'Too many requests are under way: try again later',
    });
  },
};
