import * as z from 'zod';

/** A secret that clients send in the `Authorization` field. */
export const token = z.string().regex(/^[\x21-\x7e]{8,256}$/, 'must be 8 to 256 visible ASCII characters without spaces');
