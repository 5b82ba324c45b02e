import * as z from 'zod';
import { certificatesFault } from '../model/certificate.ts';
import { duration } from '../model/quantity.ts';

/** Schema of the URL of a service that a policy asks. */
export const serviceUrl = z
  .string()
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), 'must be a URL that begins with http:// or https://')
  .refine((text) => !URL.canParse(text) || new URL(text).username === '', 'must hold no user name and password');

/** Schema of PEM certificates of authorities. */
export const authorities = z
  .string()
  .superRefine((text, context) => {
    const fault = certificatesFault(text);
    if (fault !== undefined) context.addIssue(fault);
  })
  .optional()
  .meta({ description: 'certificates of the authorities to trust for the URL, instead of the public ones, as PEM text' });

/** Schema of the time until a service must have answered. */
export const patience = duration.refine((ms) => ms >= 1 && ms <= 60_000, 'must be from 1ms to 60s');

/** Schema of a text or a list of texts; read as a list. */
export const texts = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

/** Schema of the id and secret of a client of an authorization server. */
export const clientCredentials = {
  clientId: z.string().min(1).max(1024).meta({ description: 'id with which the gateway is known to the authorization server' }),
  clientSecret: z.string().min(1).max(4096).meta({
    description: 'secret of the client. Everyone with the admin token can read it; use a variable to keep it out of the file',
  }),
} as const;
