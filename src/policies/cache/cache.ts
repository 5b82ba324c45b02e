import * as z from 'zod';
import { duration } from '../../model/quantity.ts';
import type { PolicyType } from '../contract.ts';
import { ResponseCache } from './response-cache.ts';

const mebi = 1024 * 1024;

const settings = z.strictObject({
  maxBytes: z
    .int()
    .min(1024)
    .default(64 * mebi)
    .meta({
      title: 'bytes',
      description: 'memory of one gateway server for stored responses. What was not used for the longest time makes room',
    }),
  maxObjectBytes: z.int().min(0).default(mebi).meta({ title: 'bytes', description: 'a response with a larger body is not stored' }),
  ttl: duration.default(0).meta({
    description: 'time for which a response is fresh that says nothing about it; 0: it is not used without asking the target again',
  }),
  authorized: z.boolean().default(false).meta({
    description:
      'true: responses to requests with Authorization, or of callers that an earlier policy has authenticated, are stored too, and used for everyone. Default: only those that say `public`, `s-maxage` or `must-revalidate`',
  }),
});

/**
 * Stores responses and answers later requests from them, as RFC 9111 has it for a shared cache: with Vary, validators, ranges and what Cache-Control says.
 * Requests for one URL that come at the same time make one request to the target.
 */
export const cache: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  stateful: true,
  *create(given, { project, services }) {
    const kept = new ResponseCache(given, services.clock);
    return {
      run: (context) => kept.decide(context),
      begin: () => services.caches.add(kept, project),
      end() {
        services.caches.delete(kept);
        kept.purge(() => true);
      },
    };
  },
};
