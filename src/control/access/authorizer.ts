import { createHash, timingSafeEqual } from 'node:crypto';
import type { Access, Grant } from '../../model/access.ts';

/** Finds the access that an `Authorization` header gives; `undefined`: none. Takes the same time for every token. */
export type Authorizer = (authorization: string | undefined) => Access | undefined;

/** Makes an {@link Authorizer} for the tokens of each access, sent as `Authorization: Bearer TOKEN` (RFC 6750, section 2.1). */
export function createAuthorizer(tokens: Readonly<Record<Access, string | readonly string[]>>): Authorizer {
  const grantOf = createGrants(
    (['admin', 'join'] as const).flatMap((access) => [tokens[access]].flat().map((token) => ({ token, grant: { access } }))),
  );
  return (authorization) => grantOf(authorization)?.access;
}

/** A valid token, with what it gives. */
export interface GrantedToken {
  readonly token: string;
  readonly grant: Grant;
}

/** Makes a function that finds what an `Authorization` header gives; otherwise as {@link createAuthorizer}. */
export function createGrants(tokens: readonly GrantedToken[]): (authorization: string | undefined) => Grant | undefined {
  const verifiers = tokens.map(({ token, grant }) => ({ grant, digest: digest(token) }));
  return (authorization) => {
    const shown = shownToken(authorization);
    if (shown === undefined) return undefined;
    const given = digest(shown);
    // Compares with every token, so that the time does not tell which one it is.
    return verifiers.filter((verifier) => timingSafeEqual(given, verifier.digest))[0]?.grant;
  };
}

/** Makes a check for one token or any of several; otherwise as {@link createAuthorizer}. */
export function createVerifier(tokens: string | readonly string[]): (authorization: string | undefined) => boolean {
  // Digests all have the same length, which timingSafeEqual requires and which does not reveal the length of the token.
  const expected = [tokens].flat().map(digest);
  return (authorization) => {
    const shown = shownToken(authorization);
    if (shown === undefined) return false;
    const given = digest(shown);
    // Compares with every token, so that the time does not tell which one it is.
    return expected.filter((one) => timingSafeEqual(given, one)).length > 0;
  };
}

function shownToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,256}) *$/i.exec(authorization ?? '')?.[1];
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
