import * as z from 'zod';
import type { HeaderFields } from '../http1/message/message-view.ts';
import { httpToken } from '../model/http-names.ts';
import { shownCredentials } from './authorization.ts';
import type { PolicyContext } from './contract.ts';
import { cookieValue } from './cookies.ts';
import type { Refusal } from './refusal.ts';

/** Longest token that is read, in characters. */
const mostCharacters = 16 * 1024;

const bearer = 'Bearer ';

/** Settings that say where a token stands. */
export const tokenPlace = {
  header: z
    .string()
    .regex(httpToken, 'must be a header field name')
    .optional()
    .meta({ description: 'field that holds the token alone, or after `Bearer`. Not given: Authorization, as RFC 6750 says' }),
  cookie: z.string().regex(httpToken, 'must be the name of a cookie').optional().meta({
    description:
      'cookie that holds the token of requests without the field. Browsers send it with requests of other sites too, unless it has SameSite',
  }),
  forward: z.boolean().default(true).meta({ description: 'false: the field is removed before the request goes to the target' }),
} as const;

/** Settings of {@link tokenPlace}. */
export interface TokenPlace {
  readonly header?: string | undefined;
  readonly cookie?: string | undefined;
  readonly forward: boolean;
}

/** Returns the token of a request, or the reason why it has none that could be checked. */
export function shownToken(headers: HeaderFields, { header, cookie }: TokenPlace): { readonly token: string } | Refusal {
  const found = inField(headers, header) ?? (cookie === undefined ? undefined : inCookie(headers, cookie));
  if (found === undefined) return missing;
  if (found === 'ambiguous') return ambiguous;
  return found.length > mostCharacters || !/^[A-Za-z0-9._~+/-]+=*$/.test(found) ? malformed : { token: found };
}

/**
 * Returns what the only Authorization line has after `Bearer `, without a look at it: so that a token that is remembered need not be checked again.
 * Undefined: the request does not show its token so plainly, and {@link shownToken} must read it.
 */
export function plainlyShown(headers: HeaderFields, { header }: TokenPlace): string | undefined {
  if (header !== undefined) return undefined;
  const lines = headers.all('authorization');
  return lines.length === 1 && lines[0]?.startsWith(bearer) ? lines[0].slice(bearer.length) : undefined;
}

/** Notes which part of the request holds the token. */
export function noteToken(context: PolicyContext, { header = 'authorization', cookie }: TokenPlace): void {
  const inCookie = cookie !== undefined && context.request.headers.get(header) === undefined;
  context.identifiedBy = inCookie ? `cookie:${cookie}` : `header:${header}`;
}

/** Removes the field of the token, unless the target gets it. */
export function hideToken(headers: HeaderFields, { header = 'authorization', forward }: TokenPlace): void {
  if (!forward) headers.remove(header);
}

function inField(headers: HeaderFields, header: string | undefined): string | undefined {
  if (header === undefined || header.toLowerCase() === 'authorization') {
    const shown = shownCredentials(headers, 'bearer');
    return shown === 'missing' ? undefined : shown === 'ambiguous' ? shown : shown.text;
  }
  const lines = headers.all(header);
  return lines.length > 1 ? 'ambiguous' : lines[0]?.replace(/^bearer +/i, '');
}

function inCookie(headers: HeaderFields, name: string): string | undefined {
  const value = cookieValue(headers, name);
  return value === null ? 'ambiguous' : value;
}

/** A refusal as RFC 6750 section 3 has it: the challenge says what is wrong with the token. */
export function tokenRefusal(code: string, title: string, { status = 401, error = 'invalid_token' } = {}): Refusal {
  return { status, code, title, headers: { 'www-authenticate': `Bearer error="${error}", error_description="${title}"` } };
}

const missing: Refusal = {
  status: 401,
  code: 'token-missing',
  title: 'The request needs a token',
  headers: { 'www-authenticate': 'Bearer' },
};
const ambiguous = tokenRefusal('token-ambiguous', 'The request shows several tokens', { status: 400, error: 'invalid_request' });
const malformed = tokenRefusal('token-invalid', 'The token is malformed');
