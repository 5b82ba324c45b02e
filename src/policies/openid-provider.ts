import * as oauth from 'oauth4webapi';
import { SparseWarning } from '../model/sparse-warning.ts';
import { type Claims, claimOf } from './claim-fields.ts';
import type { PolicyServices } from './contract.ts';

/** Milliseconds for which the description of a provider is used, and after a failure until it is asked for again. */
const describedMs = 3_600_000;
const pauseMs = 5000;

/** An OpenID provider, and the client that the gateway is to it. */
export interface ProviderSettings {
  readonly issuer: string;
  readonly ca: string | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs: number;
  /** Names of the claims for which the userinfo endpoint is asked if an ID token lacks them. */
  readonly wanted: readonly string[];
}

/** Tokens of a user who has logged in. */
export interface Login {
  readonly claims: Claims;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Seconds until the access token expires; undefined: the provider has not said. */
  readonly expiresInS: number | undefined;
}

/** A login that the user has begun at the gateway. */
export interface PendingLogin {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Demands on a login: scopes besides `openid`, and the page that the provider must show (`prompt`). */
export interface LoginDemands {
  readonly scopes: readonly string[];
  readonly prompt?: string | undefined;
}

/** The reason why a provider gives no tokens: it refuses, its answer is wrong, or it cannot be asked. */
export type LoginFault = 'refused' | 'invalid' | 'away';

/** Asks an OpenID provider: its description (discovery), tokens for a code, tokens for a refresh token. */
export class OpenIdProvider {
  readonly #settings: ProviderSettings;
  readonly #services: PolicyServices;
  readonly #client: oauth.Client;
  readonly #faults: SparseWarning;
  #described: { readonly as: oauth.AuthorizationServer; readonly at: number } | undefined;
  #describing: Promise<oauth.AuthorizationServer | undefined> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;
  readonly #jwks: oauth.JWKSCacheInput = {};

  constructor(settings: ProviderSettings, services: PolicyServices) {
    this.#settings = settings;
    this.#services = services;
    this.#client = { client_id: settings.clientId, [oauth.clockTolerance]: 30 };
    this.#faults = new SparseWarning(services.clock, { counted: 'faults', message: 'an OpenID provider gives no tokens' });
    this.#faults.log = services.logger;
  }

  /** URL of the provider that the browser is sent to; undefined: the provider cannot be asked. */
  async loginUrl({ redirectUri, state, nonce, verifier }: PendingLogin, { scopes, prompt }: LoginDemands): Promise<string | undefined> {
    const endpoint = (await this.#description())?.authorization_endpoint;
    if (endpoint === undefined) return undefined;
    const url = new URL(endpoint);
    const parameters = {
      response_type: 'code',
      client_id: this.#settings.clientId,
      redirect_uri: redirectUri,
      scope: [...new Set(['openid', ...scopes])].join(' '),
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(prompt !== undefined && { prompt }),
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  /** URL of the provider at which a browser ends its session; undefined: there is none, or the provider cannot be asked. */
  async logoutUrl(returnTo: string): Promise<string | undefined> {
    const endpoint = (await this.#description())?.end_session_endpoint;
    if (endpoint === undefined) return undefined;
    const url = new URL(endpoint);
    url.searchParams.set('client_id', this.#settings.clientId);
    url.searchParams.set('post_logout_redirect_uri', returnTo);
    return url.href;
  }

  /** Tokens for the code in the query of a callback. */
  login(query: string, { redirectUri, state, nonce, verifier }: PendingLogin): Promise<Login | LoginFault> {
    return this.#ask(async (as, client) => {
      const parameters = oauth.validateAuthResponse(as, client, new URLSearchParams(query), state);
      const options = this.#options();
      const response = await oauth.authorizationCodeGrantRequest(as, client, this.#secret(as), parameters, redirectUri, verifier, options);
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
      await oauth.validateApplicationLevelSignature(as, response, { ...options, [oauth.jwksCache]: this.#jwks });
      return this.#completed(as, client, loginOf(tokens, undefined), undefined);
    });
  }

  /** New tokens for those of an earlier login. */
  refresh(refreshToken: string, claims: Claims): Promise<Login | LoginFault> {
    return this.#ask(async (as, client) => {
      const options = this.#options();
      const response = await oauth.refreshTokenGrantRequest(as, client, this.#secret(as), refreshToken, options);
      const tokens = await oauth.processRefreshTokenResponse(as, client, response);
      const login = loginOf(tokens, { claims, refreshToken });
      if (tokens.id_token !== undefined) {
        await oauth.validateApplicationLevelSignature(as, response, { ...options, [oauth.jwksCache]: this.#jwks });
        // OpenID Connect Core section 12.2.
        if (login.claims['sub'] !== claims['sub']) throw new TypeError('the new ID token is of another user');
      }
      return this.#completed(as, client, login, claims);
    });
  }

  /**
   * Adds the claims of the userinfo endpoint to a login that lacks a wanted one: OpenID Connect Core section 5.4 lets a provider tell email and profile only
   * there. @param before claims of the session that is refreshed
   */
  async #completed(as: oauth.AuthorizationServer, client: oauth.Client, login: Login, before: Claims | undefined): Promise<Login> {
    const { claims, accessToken } = login;
    const { wanted, issuer } = this.#settings;
    if (as.userinfo_endpoint === undefined || wanted.every((name) => claimOf(claims, name) !== undefined)) return login;
    try {
      const response = await oauth.userInfoRequest(as, client, accessToken, this.#options());
      const told = await oauth.processUserInfoResponse(as, client, String(claims['sub']), response);
      return { ...login, claims: { ...told, ...claims } };
    } catch (error) {
      // A login can be begun again at once. A refresh cannot: its token is used up.
      if (error instanceof Unanswered && before === undefined) throw error;
      this.#faults.tell({ issuer, reason: error instanceof Error ? error.message : String(error) });
      return { ...login, claims: { ...before, ...claims } };
    }
  }

  async #ask(task: (as: oauth.AuthorizationServer, client: oauth.Client) => Promise<Login>): Promise<Login | LoginFault> {
    const as = await this.#description();
    if (as === undefined) return 'away';
    try {
      return await task(as, this.#client);
    } catch (error) {
      if (error instanceof oauth.AuthorizationResponseError) return 'refused';
      if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return 'refused';
      const unanswered = error instanceof Unanswered || error instanceof oauth.WWWAuthenticateChallengeError;
      // Codes of oauth4webapi and of the provider name the fault; other messages could quote what was sent.
      const reason = error instanceof oauth.ResponseBodyError ? error.error : error instanceof Error ? error.message : String(error);
      this.#faults.tell({ issuer: this.#settings.issuer, reason });
      return unanswered || error instanceof oauth.ResponseBodyError ? 'away' : 'invalid';
    }
  }

  /** The provider's description of itself; the last one while the provider cannot be asked. undefined: it could not be asked yet. */
  async #description(): Promise<oauth.AuthorizationServer | undefined> {
    const now = this.#services.clock.now();
    const known = this.#described;
    if (known !== undefined && now - known.at < describedMs) return known.as;
    if (now - this.#failedAt < pauseMs) return known?.as;
    this.#describing ??= this.#describe().finally(() => {
      this.#describing = undefined;
    });
    return (await this.#describing) ?? known?.as;
  }

  async #describe(): Promise<oauth.AuthorizationServer | undefined> {
    const { issuer } = this.#settings;
    const { clock } = this.#services;
    try {
      const url = new URL(issuer);
      const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, this.#options()));
      this.#described = { as, at: clock.now() };
      return as;
    } catch (error) {
      this.#failedAt = clock.now();
      this.#faults.tell({ issuer, reason: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }

  #secret({ token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer): oauth.ClientAuth {
    const { clientSecret } = this.#settings;
    const posts = methods !== undefined && !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
    return posts ? oauth.ClientSecretPost(clientSecret) : oauth.ClientSecretBasic(clientSecret);
  }

  #options() {
    const { ca, timeoutMs, issuer } = this.#settings;
    const send = async (url: string, { method, headers, body }: { method: string; headers: Record<string, string>; body?: unknown }) => {
      const request = { url, method, headers, ca, timeoutMs, repeatable: method === 'GET' };
      const answer = await this.#services.outbound
        .send({ ...request, ...(body instanceof URLSearchParams && { body: body.toString() }) })
        .catch((error: unknown) => {
          throw new Unanswered(error instanceof Error ? error.message : String(error));
        });
      if (answer.status >= 500) throw new Unanswered(`answered ${answer.status}`);
      const fields = new Headers();
      for (const [name, value] of Object.entries(answer.headers))
        for (const one of typeof value === 'string' ? [value] : (value ?? [])) fields.append(name, one);
      return new Response(answer.status === 204 || answer.status === 304 ? null : new Uint8Array(answer.body), {
        status: answer.status,
        headers: fields,
      });
    };
    return { [oauth.customFetch]: send, [oauth.allowInsecureRequests]: issuer.startsWith('http:') };
  }
}

/** There was no answer, so that the same question may be answered later. */
class Unanswered extends Error {}

function loginOf(tokens: oauth.TokenEndpointResponse, before: { claims: Claims; refreshToken: string } | undefined): Login {
  return {
    claims: (oauth.getValidatedIdTokenClaims(tokens) as Claims | undefined) ?? before?.claims ?? {},
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before?.refreshToken,
    expiresInS: tokens.expires_in,
  };
}
