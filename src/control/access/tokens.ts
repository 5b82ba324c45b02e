import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { checkToken, readToken } from '../../config/token-file.ts';
import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';

/** Tells from an `Authorization` header who is calling; `undefined` for nobody known. Takes the same time whatever the token. */
export type Authorizer = (authorization: string | undefined) => Access | undefined;

/** The two secrets, and for each where it came from, for the start-up log. */
export interface Tokens {
  readonly admin: string;
  readonly join: string;
  readonly origin: Readonly<Record<Access, string>>;
}

/**
 * Finds each secret: given (configuration or environment variable), else in `admin.token` / `join.token` of `dataDir`,
 * else made now and kept there (mode 0600). An unreadable, empty or short one is refused as `invalid`, naming it.
 */
export async function loadTokens(options: {
  dataDir: string;
  configured?: { admin?: string | undefined; join?: string | undefined } | undefined;
  env?: Readonly<Record<string, string | undefined>>;
}): Promise<Tokens> {
  const find = async (access: Access): Promise<{ token: string; origin: string }> => {
    const variable = `SLUICE_${access.toUpperCase()}_TOKEN`;
    const given = options.env?.[variable];
    if (given !== undefined && given !== '') return { token: checkToken(given, variable), origin: variable };
    const configured = options.configured?.[access];
    if (configured !== undefined) return { token: checkToken(configured, `control.tokens.${access}`), origin: `control.tokens.${access}` };
    const file = join(options.dataDir, `${access}.token`);
    return { token: (await readToken(file)) ?? (await makeToken(options.dataDir, file)), origin: file };
  };
  const [admin, joining] = [await find('admin'), await find('join')];
  if (admin.token === joining.token) {
    throw new SluiceError(
      'invalid',
      `the admin token (${admin.origin}) and the join token (${joining.origin}) are the same: give two different ones`,
    );
  }
  return { admin: admin.token, join: joining.token, origin: { admin: admin.origin, join: joining.origin } };
}

/** Makes the check of `Authorization: Bearer …` (RFC 6750, section 2.1) for these secrets. */
export function createAuthorizer(tokens: Pick<Tokens, 'admin' | 'join'>): Authorizer {
  const [isAdminToken, isJoinToken] = [createVerifier(tokens.admin), createVerifier(tokens.join)];
  return (authorization) => {
    const isAdmin = isAdminToken(authorization);
    const isJoin = isJoinToken(authorization);
    return isAdmin ? 'admin' : isJoin ? 'join' : undefined;
  };
}

/** As {@link createAuthorizer}, for one secret alone. */
export function createVerifier(token: string): (authorization: string | undefined) => boolean {
  // Digests have one length, which timingSafeEqual needs, and so tell nothing of the secret's.
  const wanted = digest(token);
  return (authorization) => {
    const shown = /^Bearer +([\x21-\x7e]{1,256}) *$/i.exec(authorization ?? '')?.[1];
    return shown !== undefined && timingSafeEqual(digest(shown), wanted);
  };
}

async function makeToken(dataDir: string, file: string): Promise<string> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dataDir, { recursive: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      // Unlike a rename, a link never replaces the token that another process made in the meantime.
      await link(draft, file);
    } catch (error) {
      if (reasonOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
  } catch (error) {
    throw new SluiceError('invalid', `cannot keep a new token in ${file} (${reasonOf(error)}): make ${dataDir} writable, or set dataDir`, {
      cause: error,
    });
  }
  return (await readToken(file)) as string;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
