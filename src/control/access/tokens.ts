import { join } from 'node:path';
import { makeSecretFile } from '../../config/secret-file.ts';
import { tokensOf } from '../../config/token.ts';
import type { TokenSettings } from '../../config/token-conflicts.ts';
import { checkToken, readToken } from '../../config/token-file.ts';
import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import type { GrantedToken } from './authorizer.ts';

/** The tokens: the first of each kind, for this process's own use, all that are `valid`, and what each gives. `origin` names the variable, setting or file that each came from, for the start-up log. */
export interface Tokens {
  readonly admin: string;
  readonly join: string;
  readonly valid: Readonly<Record<Access, readonly string[]>>;
  /** All valid tokens, those for one environment included. */
  readonly granted: readonly GrantedToken[];
  readonly origin: Readonly<Record<Access, string>>;
}

/**
 * Loads each token from its environment variable, else from the configuration, else from `admin.token` or `join.token` in `dataDir`. If none
 * has one, makes a new token and keeps it in that file (mode 0600). Throws `invalid`, naming the origin, for a token that is unreadable,
 * empty or too short. Tokens for one environment come from the configuration only.
 */
export async function loadTokens(options: {
  dataDir: string;
  configured?: TokenSettings | undefined;
  env?: Readonly<Record<string, string | undefined>>;
}): Promise<Tokens> {
  const find = async (access: Access): Promise<{ tokens: readonly string[]; origin: string; granted: GrantedToken[] }> => {
    const granted = (token: string, place: string) => ({ token, grant: { access, token: place } });
    const variable = `SLUICE_${access.toUpperCase()}_TOKEN`;
    const given = options.env?.[variable];
    if (given !== undefined && given !== '')
      return { tokens: [checkToken(given, variable)], origin: variable, granted: [granted(given, variable)] };
    const configured = options.configured?.[access];
    const origin = `control.tokens.${access}`;
    if (configured !== undefined) {
      const found = tokensOf(configured, ['control', 'tokens', access]);
      const tokens = found.map(({ token }) => checkToken(token, origin));
      return { tokens, origin, granted: found.map(({ token, path }) => granted(token, path.join('.'))) };
    }
    const file = join(options.dataDir, `${access}.token`);
    const token = (await readToken(file)) ?? (await makeToken(options.dataDir, file));
    return { tokens: [token], origin: file, granted: [granted(token, file)] };
  };
  const [admin, joining] = [await find('admin'), await find('join')];
  if (admin.tokens.some((token) => joining.tokens.includes(token))) {
    throw new SluiceError(
      'invalid',
      `the admin token (${admin.origin}) and the join token (${joining.origin}) are the same: give two different ones`,
    );
  }
  const scoped = Object.entries(options.configured?.joinFor ?? {}).flatMap(([environment, setting]) =>
    tokensOf(setting, ['control', 'tokens', 'joinFor', environment]).map(({ token, path }): GrantedToken => {
      const place = path.join('.');
      const twice = [admin, joining].find(({ tokens }) => tokens.includes(token));
      if (twice === undefined) return { token: checkToken(token, place), grant: { access: 'join', environment, token: place } };
      throw new SluiceError('invalid', `the tokens in ${twice.origin} and ${place} are the same: give two different ones`);
    }),
  );
  return {
    granted: [...admin.granted, ...joining.granted, ...scoped],
    admin: admin.tokens[0] as string,
    join: joining.tokens[0] as string,
    valid: { admin: admin.tokens, join: joining.tokens },
    origin: { admin: admin.origin, join: joining.origin },
  };
}

async function makeToken(dataDir: string, file: string): Promise<string> {
  try {
    await makeSecretFile(file);
  } catch (error) {
    throw new SluiceError(
      'invalid',
      `cannot write a new token to ${file} (${reasonOf(error)}): make ${dataDir} writable, or set dataDir to a folder that is`,
      {
        cause: error,
      },
    );
  }
  return (await readToken(file)) as string;
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
