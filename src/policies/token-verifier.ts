import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, type LocalJWKSet } from 'jose';
import { ExpiringMap } from '../model/expiring-map.ts';
import { type ClaimFields, type Claims, nameIn, type ToldCaller } from './claim-fields.ts';
import type { PolicyServices } from './contract.ts';
import type { KeySet } from './key-set.ts';

/** Most tokens that are remembered, the longest of them in characters, and the time for which they are remembered at most, in milliseconds. */
const mostTokens = 10_000;
const mostCharacters = 4096;
const mostLifeMs = 3_600_000;

/** Demands on tokens. */
export interface TokenDemands {
  readonly algorithms: readonly string[];
  /** Empty: any. */
  readonly issuer: readonly string[];
  readonly audience: readonly string[];
  readonly required: readonly string[];
  readonly leewayMs: number;
  /** Claim that names the consumer. */
  readonly consumer: string | undefined;
}

/** The reason why a token is not accepted. */
export type TokenFault = 'no-keys' | 'expired' | 'early' | 'foreign' | 'incomplete' | 'unverified';

interface Remembered extends ToldCaller {
  /** Milliseconds since 1970; the wall clock may be set back or forward. */
  readonly end: number;
  readonly generation: number;
}

/** Verifies signed tokens (RFC 7519), and remembers the good ones by their digests until they expire or the keys of their issuer change. */
export class TokenVerifier {
  readonly #keys: KeySet;
  readonly #demands: TokenDemands;
  readonly #fields: ClaimFields;
  readonly #services: PolicyServices;
  readonly #good: ExpiringMap<Remembered>;

  constructor(keys: KeySet, demands: TokenDemands, fields: ClaimFields, services: PolicyServices) {
    this.#keys = keys;
    this.#demands = demands;
    this.#fields = fields;
    this.#services = services;
    this.#good = new ExpiringMap(mostTokens, services.clock);
  }

  /** Returns what is remembered of a good token. The text may be anything. */
  remembered(text: string): ToldCaller | undefined {
    const known = text.length > mostCharacters ? undefined : this.#good.get(digestOf(text));
    if (known === undefined || known.generation !== this.#keys.generation || this.#services.clock.date() >= known.end) return undefined;
    return known;
  }

  /** Verifies a token. */
  verify(token: string): Promise<ToldCaller | TokenFault> {
    return this.#verify(token, digestOf(token));
  }

  async #verify(token: string, digest: string): Promise<ToldCaller | TokenFault> {
    const keys = await this.#keys.present();
    if (keys === undefined) return 'no-keys';
    const { generation } = this.#keys;
    try {
      const claims = await this.#claimsOf(token, keys);
      return this.#remember(token, digest, claims, generation);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) return faultOf(error);
      // The issuer may have begun to sign with a new key.
      return (await this.#keys.renewed()) ? this.#verifyOnce(token, digest) : 'unverified';
    }
  }

  async #verifyOnce(token: string, digest: string): Promise<ToldCaller | TokenFault> {
    const keys = (await this.#keys.present()) as LocalJWKSet;
    const { generation } = this.#keys;
    try {
      return this.#remember(token, digest, await this.#claimsOf(token, keys), generation);
    } catch (error) {
      return faultOf(error);
    }
  }

  async #claimsOf(token: string, keys: LocalJWKSet): Promise<JWTPayload> {
    const { algorithms, issuer, audience, required, leewayMs } = this.#demands;
    const options: JWTVerifyOptions = {
      algorithms: [...algorithms],
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(this.#services.clock.date()),
      requiredClaims: [...required],
      ...(issuer.length > 0 && { issuer: [...issuer] }),
      ...(audience.length > 0 && { audience: [...audience] }),
    };
    try {
      return (await jwtVerify(token, keys, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // The token does not say which of several keys has signed it.
      for await (const key of error) {
        const result = await jwtVerify(token, key, options).catch((fault: unknown) => fault);
        if (!(result instanceof errors.JWSSignatureVerificationFailed)) {
          if (result instanceof Error) throw result;
          return (result as { payload: JWTPayload }).payload;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  #remember(token: string, digest: string, claims: JWTPayload, generation: number): ToldCaller {
    const { leewayMs, consumer } = this.#demands;
    const now = this.#services.clock.date();
    const end = claims.exp === undefined ? now + mostLifeMs : claims.exp * 1000 + leewayMs;
    const good = {
      caller: { consumer: nameIn(claims as Claims, consumer), claims: Object.freeze(claims) },
      values: this.#fields.valuesOf(claims),
      end,
      generation,
    };
    if (token.length <= mostCharacters) this.#good.set(digest, good, Math.min(end - now, mostLifeMs));
    return good;
  }
}

function digestOf(text: string): string {
  return hash('sha256', text, 'binary');
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (!(error instanceof errors.JWTClaimValidationFailed)) return 'unverified';
  if (error.reason === 'missing') return 'incomplete';
  if (error.reason !== 'check_failed') return 'unverified';
  return error.claim === 'nbf' ? 'early' : 'foreign';
}
