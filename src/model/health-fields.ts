import * as z from 'zod';

/** Path of a health check; empty: a connection is enough. */
export const checkPath = z
  .string()
  .regex(/^(\/[\x21-\x7e]*)?$/, 'must start with / and have no spaces, or be empty for a TCP connection only');

/** Host of a health check's request; empty: that of the address. */
export const checkHost = z.string().regex(/^([A-Za-z0-9._-]+(:\d{1,5})?)?$/, 'must be a host name, or empty');

export const statusRange = z
  .string()
  .regex(/^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/, 'must be statuses such as 200 or 200-399');
