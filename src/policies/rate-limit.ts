import * as z from 'zod';
import { mostRequests } from '../model/bounds.ts';
import type { PolicyType } from './contract.ts';
import { costPolicy } from './cost-policy.ts';
import { limitPolicy } from './limit-policy.ts';
import { bucketRule, by, requests, window } from './limit-settings.ts';

const cost = z.strictObject({
  estimate: requests.meta({
    description: 'units that a request takes before it goes to the target; more than it usually uses, so that the limit holds at any time',
  }),
  usage: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+){0,9}$/, 'must be names of members with dots between, such as usage.total_tokens')
    .meta({
      description:
        "member of the response's JSON with the units that the request has used, or of an event of its event stream: `usage.total_tokens`. What was taken too much comes back; what was used beyond it is owed, and later requests wait for it",
    }),
});

const fields = z.strictObject({
  limit: requests.meta({
    description: 'number of requests, or of units of `cost`, that may pass in one `window`, on all gateway servers together',
  }),
  window: window.prefault('1s').meta({ description: 'time in which `limit` requests are regained, evenly' }),
  burst: requests
    .optional()
    .meta({ description: 'requests that may be saved while there are fewer, and pass at once later; not given: `limit`' }),
  by: by.default('consumer'),
  exact: z.boolean().default(false).meta({
    description:
      'the registry decides about each request, which waits for that. Otherwise each gateway server decides alone on its share, which is never too much, and hardly too little',
  }),
  cost: cost
    .optional()
    .meta({ description: 'requests count by what they use, such as the tokens of a language model; not given: each counts as one' }),
  fields: z.boolean().default(true).meta({ description: 'answers have the fields `RateLimit-Policy` and `RateLimit`' }),
});

// A setting that is no number has a fault of its own: comparisons with it are false.
const settings = fields
  .refine(({ limit, window }) => !((limit * 1000) / window > mostRequests), {
    path: ['limit'],
    message: `must be at most ${mostRequests} requests a second: choose a longer window`,
  })
  .refine(({ limit, burst = limit, cost }) => cost === undefined || !(cost.estimate > burst), {
    path: ['cost', 'estimate'],
    message: 'must be at most burst, or no request could ever pass',
  });

/** Refuses requests beyond a rate with 429: a token bucket that holds over all gateway servers. */
export const rateLimit: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest'],
  stateful: true,
  // biome-ignore lint/correctness/useYield: there is nothing large to do in pieces
  *create({ limit, window, burst = limit, by, exact, fields, cost }, scope) {
    const gate = {
      name: `rate-limit-${limit}-${window}ms`,
      rule: bucketRule({ limit, windowMs: window, burst }),
      exact,
      fields,
      code: 'rate-limited',
      title: 'Too many requests: try again later',
    };
    return cost === undefined ? limitPolicy(scope, by, gate) : costPolicy(scope, by, gate, cost);
  },
};
