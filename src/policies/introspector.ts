import { hash } from 'node:crypto';
import { ExpiringMap } from '../model/expiring-map.ts';
import { SparseWarning } from '../model/sparse-warning.ts';
import { type ClaimFields, type Claims, nameIn, type ToldCaller } from './claim-fields.ts';
import type { PolicyServices } from './contract.ts';
import { parseQuietly } from './quiet-json.ts';

const mostTokens = 10_000;
/** Longest answer, in octets, so that remembered ones stay small. */
const mostOctets = 16 * 1024;
/** Milliseconds for which a token stays refused. */
const inactiveMs = 10_000;
/** Milliseconds beyond the time for which an answer is remembered, in which it still counts while the authorization server cannot be asked. */
const awayMs = 300_000;

/** An authorization server that tells about tokens (RFC 7662), and the demands on them. */
export interface IntrospectionDemands {
  readonly url: string;
  readonly ca: string | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs: number;
  /** Milliseconds for which an answer is remembered at most. */
  readonly rememberMs: number;
  /** Empty: any. */
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  readonly consumer: string | undefined;
}

/** The reason why a token is not accepted. */
export type InactiveToken = 'away' | 'inactive' | 'foreign' | 'scope';

interface Known {
  readonly answer: ToldCaller | InactiveToken;
  /** Times of the monotonic clock: the answer counts until `fresh`, and until `end` while the authorization server is away. */
  readonly fresh: number;
  readonly end: number;
}

/** Asks an authorization server about tokens, and remembers its answers by the digests of the tokens. */
export class Introspector {
  readonly #demands: IntrospectionDemands;
  readonly #fields: ClaimFields;
  readonly #services: PolicyServices;
  readonly #known: ExpiringMap<Known>;
  /** In a map of its own, so that guesses do not drive out good tokens. */
  readonly #refused: ExpiringMap<InactiveToken>;
  /** Questions that run, so that requests with the same token wait for one of them. */
  readonly #asked = new Map<string, Promise<ToldCaller | InactiveToken>>();
  readonly #away: SparseWarning;

  constructor(demands: IntrospectionDemands, fields: ClaimFields, services: PolicyServices) {
    this.#demands = demands;
    this.#fields = fields;
    this.#services = services;
    this.#known = new ExpiringMap(mostTokens, services.clock);
    this.#refused = new ExpiringMap(mostTokens, services.clock);
    this.#away = new SparseWarning(services.clock, { counted: 'questions', message: 'an authorization server tells nothing about tokens' });
    this.#away.log = services.logger;
  }

  /** Tells about a token; at once if that is remembered. */
  inspect(token: string): ToldCaller | InactiveToken | Promise<ToldCaller | InactiveToken> {
    const digest = hash('sha256', token, 'binary');
    const known = this.#known.get(digest);
    if (known !== undefined && this.#services.clock.now() < known.fresh) return known.answer;
    const refused = this.#refused.get(digest);
    if (refused !== undefined) return refused;
    const asked = this.#asked.get(digest) ?? this.#ask(token, digest, known).finally(() => this.#asked.delete(digest));
    this.#asked.set(digest, asked);
    return asked;
  }

  async #ask(token: string, digest: string, known: Known | undefined): Promise<ToldCaller | InactiveToken> {
    let claims: Claims;
    try {
      claims = await this.#claimsOf(token);
    } catch (error) {
      const { origin } = new URL(this.#demands.url);
      this.#away.tell({ server: origin, reason: error instanceof Error ? error.message : String(error) });
      return known !== undefined && this.#services.clock.now() < known.end ? known.answer : 'away';
    }
    const { clock } = this.#services;
    const leftMs = typeof claims['exp'] === 'number' ? claims['exp'] * 1000 - clock.date() : Number.POSITIVE_INFINITY;
    const answer = this.#judge(claims, leftMs);
    this.#known.delete(digest);
    if (typeof answer === 'string') this.#refused.set(digest, answer, inactiveMs);
    else {
      const freshMs = Math.min(leftMs, this.#demands.rememberMs);
      const lifeMs = Math.min(leftMs, freshMs + awayMs);
      this.#known.set(digest, { answer, fresh: clock.now() + freshMs, end: clock.now() + lifeMs }, lifeMs);
    }
    return answer;
  }

  #judge(claims: Claims, leftMs: number): ToldCaller | InactiveToken {
    const { audience, scopes, consumer } = this.#demands;
    const early = typeof claims['nbf'] === 'number' && claims['nbf'] * 1000 > this.#services.clock.date() + 30_000;
    if (claims['active'] !== true || leftMs <= 0 || early) return 'inactive';
    const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
    if (audience.length > 0 && !audience.some((one) => audiences.includes(one))) return 'foreign';
    const granted = new Set(typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : []);
    if (!scopes.every((scope) => granted.has(scope))) return 'scope';
    return { caller: { consumer: nameIn(claims, consumer), claims: Object.freeze(claims) }, values: this.#fields.valuesOf(claims) };
  }

  async #claimsOf(token: string): Promise<Claims> {
    const { url, ca, clientId, clientSecret, timeoutMs } = this.#demands;
    // RFC 6749 section 2.3.1: id and secret are encoded as in a form first.
    const pair = [clientId, clientSecret].map((text) => new URLSearchParams({ '': text }).toString().slice(1)).join(':');
    const { status, body } = await this.#services.outbound.send({
      ...{ url, ca, timeoutMs, method: 'POST' },
      headers: {
        authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
    });
    if (status !== 200) throw new Error(`answered ${status}${status === 401 ? ': clientId and clientSecret are wrong' : ''}`);
    if (body.length > mostOctets) throw new Error(`answered with more than ${mostOctets} octets`);
    const claims: unknown = parseQuietly(body.toString());
    if (claims === null || typeof claims !== 'object' || typeof (claims as Claims)['active'] !== 'boolean')
      throw new Error('answered without "active" (RFC 7662 section 2.2)');
    return claims as Claims;
  }
}
