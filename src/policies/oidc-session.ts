import { hash } from 'node:crypto';
import * as z from 'zod';
import type { LimitSet, LimitSettings } from '../limits/limit-set.ts';
import { micro } from '../limits/limit-store.ts';
import type { Limits } from '../limits/limits.ts';
import type { Clock } from '../model/clock.ts';
import { ExpiringMap } from '../model/expiring-map.ts';
import type { Claims } from './claim-fields.ts';
import type { Login, LoginFault, OpenIdProvider } from './openid-provider.ts';

/** Milliseconds for which the result of a refresh is remembered: requests that the browser sent before it got new cookies still show the old token. */
const refreshedMs = 600_000;
const awayMs = 5000;
const elsewhereMs = 1000;
const mostResults = 2000;

/** Content of the session cookie. Times are seconds since 1970. */
const session = z.object({
  claims: z.record(z.string(), z.unknown()),
  accessToken: z.string().optional(),
  refreshToken: z.string().optional(),
  /** The access token has expired then; absent: it never does. */
  expires: z.number().optional(),
  /** The session ends then, whatever its tokens. */
  end: z.number(),
});
export type Session = z.output<typeof session>;

/** Reads the content of a session cookie that was opened. */
export function sessionIn(content: unknown): Session | undefined {
  return session.safeParse(content).data;
}

/** Claims of the ID token's own protocol, which say nothing about the user. */
const protocolClaims: ReadonlySet<string> = new Set(['nonce', 'at_hash', 'c_hash', 's_hash', 'iat', 'exp', 'nbf', 'jti']);

/** The session of a login. @param keepsToken the target gets the access token */
export function sessionOf(login: Login, { end, now, keepsToken }: { end: number; now: number; keepsToken: boolean }): Session {
  return {
    claims: Object.fromEntries(Object.entries(login.claims).filter(([name]) => !protocolClaims.has(name))) as Claims,
    ...(keepsToken && { accessToken: login.accessToken }),
    ...(login.refreshToken !== undefined && { refreshToken: login.refreshToken }),
    ...(login.expiresInS !== undefined && { expires: now + login.expiresInS }),
    end,
  };
}

/** One use of each refresh token in that time, among all gateway servers: the browser has its new cookies then. */
export const refreshTurn: LimitSettings = { rule: { kind: 'bucket', limit: micro, window: 30_000_000, burst: micro }, exact: true };

/** Result of a refresh. `elsewhere`: another gateway server uses the token at this moment, or has just used it. */
export type Refreshed = Login | LoginFault | 'elsewhere';

/**
 * Refreshes tokens, each once, although many requests show the same one, at any gateway server. A provider that gives a new refresh token each time takes
 * a second use of the old one for theft, and may end the session.
 */
export class Refreshes {
  readonly #provider: OpenIdProvider;
  readonly #limits: Pick<Limits, 'reachable'>;
  readonly #results: ExpiringMap<Refreshed>;
  readonly #running = new Map<string, Promise<Refreshed>>();

  constructor(provider: OpenIdProvider, { clock, limits }: { clock: Pick<Clock, 'now'>; limits: Pick<Limits, 'reachable'> }) {
    this.#provider = provider;
    this.#limits = limits;
    this.#results = new ExpiringMap(mostResults, clock);
  }

  /** @param turns limits by {@link refreshTurn} */
  async refresh(refreshToken: string, claims: Claims, turns: Pick<LimitSet, 'of'>): Promise<Refreshed> {
    const digest = hash('sha256', refreshToken, 'binary');
    const known = this.#results.get(digest) ?? this.#running.get(digest);
    if (known !== undefined) return known;
    const running = this.#refresh(refreshToken, claims, turns).then((result) => {
      // A provider may answer with the same refresh token, which is to be used again once the new access token has expired.
      const lifeMs =
        typeof result === 'string'
          ? { away: awayMs, refused: awayMs, invalid: awayMs, elsewhere: elsewhereMs }[result]
          : result.refreshToken === refreshToken
            ? (result.expiresInS ?? 1) * 500
            : refreshedMs;
      this.#results.set(digest, result, Math.min(lifeMs, refreshedMs));
      this.#running.delete(digest);
      return result;
    });
    this.#running.set(digest, running);
    return running;
  }

  /** Without the registry, this server decides alone. */
  async #refresh(refreshToken: string, claims: Claims, turns: Pick<LimitSet, 'of'>): Promise<Refreshed> {
    if (this.#limits.reachable) {
      const turn = turns.of(hash('sha256', refreshToken, 'base64url'));
      if (!(await turn.take(micro)) && this.#limits.reachable) return 'elsewhere';
      const result = await this.#provider.refresh(refreshToken, claims);
      // Any server may try again.
      if (result === 'away') turn.putBack(micro);
      return result;
    }
    return this.#provider.refresh(refreshToken, claims);
  }
}
