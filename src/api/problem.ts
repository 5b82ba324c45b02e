import * as z from 'zod';

/** How the admin API says no: RFC 9457, with a stable `code` and, for bad input, every fault with its place. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'stable, for programs' }),
    errors: z.array(z.object({ path: z.string(), line: z.int().optional(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'a refusal (RFC 9457)' });

export type Problem = z.output<typeof problem>;

/** Media type of a {@link Problem}. */
export const problemType = 'application/problem+json';
