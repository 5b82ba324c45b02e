import * as z from 'zod';
import { fault } from '../model/fault-schema.ts';

/** A refusal of the admin API (RFC 9457), with a stable `code` and, for bad input, every fault with its path and line. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'a stable identifier for programs' }),
    errors: z.array(fault).optional(),
  })
  .meta({ id: 'Problem', description: 'why a request was refused or failed (RFC 9457)' });

export type Problem = z.output<typeof problem>;

/** Media type of a {@link Problem}. */
export const problemType = 'application/problem+json';
