import * as z from 'zod';
import { tokenCharacter } from './http-names.ts';
import { duration } from './quantity.ts';

/** The cookie that keeps a client on one server. Attributes: RFC 6265, and SameSite of its successor draft. */
export const stickySpec = z
  .strictObject({
    cookie: z
      .string()
      .regex(new RegExp(`^${tokenCharacter}*$`), 'must be a cookie name')
      .default('')
      .meta({ description: 'name of the cookie; empty: not sticky. Sticky clients stay on a busy server even if others are idle' }),
    secure: z.enum(['auto', 'on', 'off']).default('auto').meta({
      description:
        'whether browsers send the cookie over https only (its attribute Secure). auto: if the client came over TLS; on: always, for a proxy in front that speaks https; off: never',
    }),
    sameSite: z.enum(['Strict', 'Lax', 'None']).default('Lax').meta({
      description:
        'requests from pages of other sites that carry the cookie. Strict: none; Lax: only links that are followed; None: all, which browsers accept with Secure only',
    }),
    maxAge: duration.prefault('0s').meta({
      description: 'time for which browsers keep the cookie, from the moment when the server is chosen; 0: until the browser ends',
    }),
    domain: z
      .string()
      .regex(/^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?$/, 'must be a host name, such as example.com')
      .default('')
      .meta({ description: 'domain whose hosts below get the cookie too; empty: only the host that set it' }),
    path: z
      .string()
      .regex(/^\/[!-:<-~]*$/, 'must be a path that begins with /, without ; and spaces')
      .default('/')
      .meta({ description: 'path below which browsers send the cookie' }),
  })
  .refine(({ sameSite, secure }) => sameSite !== 'None' || secure !== 'off', {
    path: ['sameSite'],
    message: 'None needs the attribute Secure: browsers refuse the cookie otherwise; set secure to on or auto',
  });
