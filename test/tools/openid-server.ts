import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { type Asked, type JsonService, jsonService, type Told } from './json-service.ts';
import type { Owner } from './owner.ts';

/** A real OpenID provider, small: every user is logged in already. A code and a refresh token are good once. */
export interface OpenIdServer {
  readonly service: JsonService;
  /** Claims of the next ID tokens. */
  user: JWTPayload;
  /** Answer of the userinfo endpoint; undefined: the server has none. */
  profile: Told | undefined;
  /** Seconds for which access tokens are valid. */
  expiresIn: number;
  /** Refuses the next logins. */
  refuses: boolean;
  /** Changes the next ID token. */
  forge: ((claims: JWTPayload) => JWTPayload) | undefined;
  /** Signs with a key that is not published. */
  signsWrongly: boolean;
  /** Answers of the token endpoint so far. */
  readonly grants: string[];
}

/** The key of all servers, and one that none of them publishes. */
const pairs = Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);

export async function openIdServer(owner: Owner, client: { id: string; secret: string }): Promise<OpenIdServer> {
  const [good, wrong] = await pairs;
  const jwk = { ...(await exportJWK(good.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  const codes = new Map<string, URLSearchParams>();
  const refreshable = new Set<string>();
  const service = await jsonService(owner);
  const server: OpenIdServer = {
    service,
    user: { sub: 'anna', email: 'anna@example.com' },
    profile: undefined,
    expiresIn: 300,
    refuses: false,
    forge: undefined,
    signsWrongly: false,
    grants: [],
  };
  const tokens = async (nonce: string | undefined) => {
    const claims = { ...server.user, ...(nonce !== undefined && { nonce }) };
    const { privateKey } = server.signsWrongly ? wrong : good;
    const now = Math.floor(Date.now() / 1000);
    const whole = { iss: service.url, aud: client.id, iat: now, exp: now + 300, ...claims };
    const idToken = await new SignJWT(server.forge?.(whole) ?? whole).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
    const refreshToken = `refresh-${randomUUID()}`;
    refreshable.add(refreshToken);
    const json = { token_type: 'Bearer', access_token: `access-${randomUUID()}`, id_token: idToken, refresh_token: refreshToken };
    return { json: { ...json, expires_in: server.expiresIn } };
  };
  const grant = async ({ headers, body }: Asked): Promise<Told> => {
    const form = new URLSearchParams(body);
    const shown = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
    if (shown.split(':').map(decodeURIComponent).join() !== `${client.id},${client.secret}`)
      return { status: 401, json: { error: 'invalid_client' } };
    if (form.get('grant_type') === 'refresh_token')
      return refreshable.delete(form.get('refresh_token') ?? '') ? tokens(undefined) : { status: 400, json: { error: 'invalid_grant' } };
    const code = form.get('code') ?? '';
    const asked = codes.get(code);
    codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (asked?.get('code_challenge') !== challenge || asked.get('redirect_uri') !== form.get('redirect_uri'))
      return { status: 400, json: { error: 'invalid_grant' } };
    return tokens(asked.get('nonce') ?? undefined);
  };
  service.answer = async (asked) => {
    const { pathname, searchParams } = asked.url;
    if (pathname === '/.well-known/openid-configuration')
      return {
        json: {
          issuer: service.url,
          authorization_endpoint: `${service.url}/authorize`,
          token_endpoint: `${service.url}/token`,
          jwks_uri: `${service.url}/keys`,
          end_session_endpoint: `${service.url}/end`,
          ...(server.profile !== undefined && { userinfo_endpoint: `${service.url}/profile` }),
          response_types_supported: ['code'],
          id_token_signing_alg_values_supported: ['ES256'],
        },
      };
    if (pathname === '/keys') return { json: { keys: [jwk] } };
    if (pathname === '/profile')
      return asked.headers.authorization?.startsWith('Bearer access-') ? (server.profile ?? {}) : { status: 401 };
    if (pathname === '/token') {
      const told = await grant(asked);
      server.grants.push(new URLSearchParams(asked.body).get('grant_type') ?? '');
      return told;
    }
    if (pathname !== '/authorize') return { status: 404, text: '' };
    const back = new URL(searchParams.get('redirect_uri') ?? '');
    const code = randomUUID();
    codes.set(code, searchParams);
    for (const [name, value] of Object.entries(server.refuses ? { error: 'access_denied' } : { code })) back.searchParams.set(name, value);
    back.searchParams.set('state', searchParams.get('state') ?? '');
    return { status: 302, headers: { location: back.href }, text: '' };
  };
  return server;
}
