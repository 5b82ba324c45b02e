import * as z from 'zod';
import { type ErrorCode, type Fault, statusOf } from './fault.ts';

/** Schema of a {@link Fault}. Apart from its type, which users of the package import without zod. */
export const fault = z.object({ path: z.string(), line: z.int().exactOptional(), message: z.string() }) satisfies z.ZodType<Fault>;

export const errorCode = z.enum(Object.keys(statusOf) as ErrorCode[]);
