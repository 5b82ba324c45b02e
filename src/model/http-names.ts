import * as z from 'zod';

/** One character of HTTP's `token` (RFC 9110 section 5.6.2), as a character class of a regular expression. */
export const tokenCharacter = "[!#$%&'*+.^_`|~0-9A-Za-z-]";

/** HTTP's `token`: the names of header fields and cookies. */
export const httpToken = new RegExp(`^${tokenCharacter}+$`);

/** HTTP method, in capitals. */
export const methodName = z.string().regex(/^[A-Z]+$/, 'must be methods in capitals, for example GET');
