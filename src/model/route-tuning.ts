import * as z from 'zod';
import { methodName } from './http-names.ts';
import type { Immutable } from './immutable.ts';
import { duration } from './quantity.ts';

/** A duration that is checked but kept as its author wrote it, since stored projects are read by this schema again. */
export const writtenTime = z
  .union([z.literal(0), z.string()])
  .check((context) => {
    for (const { message } of duration.safeParse(context.value).error?.issues ?? [])
      context.issues.push({ code: 'custom', input: context.value, message });
  })
  .optional();

const total = writtenTime.meta({
  title: 'time',
  description:
    'time for a request as a whole, retries and the response included; then 504, or the response is broken off. Not given, and 0: no limit',
});

const responseHead = writtenTime.meta({
  title: 'time',
  description:
    "time until the target's response head; then 504. Not given: 60s; 0: no limit. The environment's timeouts.responseHead limits the gateway's response as a whole, retries included",
});

/** Time limits of a request to a target. */
export const targetTimeouts = z.strictObject({
  connect: writtenTime.meta({
    title: 'time',
    description: 'time to connect; then the next URL of the target is tried. Not given: 3s; 0: no limit',
  }),
  responseHead,
  total,
});

/** Time limits that a policy sets. */
export const policyTimeouts = z
  .strictObject({ total, responseHead })
  .refine((given) => (given.total ?? given.responseHead) !== undefined, 'needs at least one of total, responseHead');

/** Repetitions of a request to a target. */
export const targetRetries = z.strictObject({
  attempts: z.int().min(1).max(10).optional().meta({
    description:
      'attempts for a request, the first included: first at each URL, then at those of the failover target, then at the same URLs again; 1: none of that. Not given: one at each URL, at least 3 where there are as many',
  }),
  statuses: z.array(z.int().min(400).max(599)).optional().meta({
    description: 'statuses of a response after which the request is sent again, for example [429, 503]. Not given: none',
  }),
  methods: z.array(methodName).optional().meta({
    description:
      'methods that the target may execute twice: only these are sent again once a request may have reached it. Not given: GET, HEAD, OPTIONS, PUT, DELETE (RFC 9110 section 9.2.2)',
  }),
});

/** Settings of a target, a resource or a policy for requests to a target; each that is missing is as before. */
export interface RouteTuning {
  readonly timeouts?: Immutable<z.output<typeof targetTimeouts>> | undefined;
  readonly retries?: Immutable<z.output<typeof targetRetries>> | undefined;
}

/** The later ones come before the earlier ones. */
export function mergedTuning(tunings: readonly RouteTuning[]): RouteTuning {
  const [timeouts, retries] = [{}, {}];
  for (const one of tunings) {
    Object.assign(timeouts, one.timeouts);
    Object.assign(retries, one.retries);
  }
  return { timeouts, retries };
}
