import http from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type Provider from 'oidc-provider';
import { listening } from './listening.ts';
import type { Owner } from './owner.ts';

/** The client that a gateway is to the provider. */
export interface ProviderClient {
  readonly id: string;
  readonly secret: string;
  /** None: the client has no users, and gets tokens of its own (client_credentials). */
  readonly redirectUris?: readonly string[];
  readonly logoutUris?: readonly string[];
}

/** The npm package `oidc-provider`, a certified OpenID provider, on a free port of loopback. Every user may log in, by a page. */
export interface RunningProvider {
  readonly issuer: string;
  /** Parameters of the logins that were begun, in order. */
  readonly logins: Readonly<Record<string, string | undefined>>[];
  /** Grants that the token endpoint has given, in order. */
  readonly grants: (string | undefined)[];
  /** Messages of the grants that it has refused, and of its own faults. */
  readonly faults: string[];
  /** Registers the client. It comes after the start because its URLs have the port of a gateway, whose project needs the issuer. */
  register(client: ProviderClient): Promise<void>;
}

export async function oidcProvider(owner: Owner): Promise<RunningProvider> {
  quieten(owner);
  let handle: http.RequestListener = (_, response) => void response.writeHead(503).end();
  const issuer = `http://${await listening(
    owner,
    http.createServer((request, response) => handle(request, response)),
  )}`;
  const running: RunningProvider = {
    issuer,
    logins: [],
    grants: [],
    faults: [],
    async register(client) {
      const provider = await providerOf(issuer, client);
      provider.on('authorization.accepted', ({ oidc }) => void running.logins.push(oidc.params));
      provider.on('grant.success', ({ oidc }) => void running.grants.push(oidc.params['grant_type']));
      for (const event of ['grant.error', 'server_error'] as const)
        provider.on(event, (_, error) => void running.faults.push(String(error)));
      handle = provider.callback();
    },
  };
  return running;
}

async function providerOf(issuer: string, client: ProviderClient): Promise<Provider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const keys = [{ ...(await exportJWK(privateKey)), kid: 'one', alg: 'RS256', use: 'sig' }];
  // Loaded only now: loading it prints a warning already.
  const { default: OidcProvider } = await import('oidc-provider');
  return new OidcProvider(issuer, configuration(client, keys));
}

function configuration({ id, secret, redirectUris = [], logoutUris = [] }: ProviderClient, keys: readonly object[]): object {
  return {
    clients: [
      {
        client_id: id,
        client_secret: secret,
        grant_types: redirectUris.length > 0 ? ['authorization_code', 'refresh_token'] : ['client_credentials'],
        response_types: redirectUris.length > 0 ? ['code'] : [],
        redirect_uris: redirectUris,
        post_logout_redirect_uris: logoutUris,
      },
    ],
    jwks: { keys },
    cookies: { keys: ['a key of the provider'] },
    claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com`, name: sub }) }),
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: { AccessToken: 300, ClientCredentials: 300, Grant: 3600, IdToken: 300, Interaction: 600, RefreshToken: 3600, Session: 3600 },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
  };
}

/** Drops what the provider prints while its owner lives: its pages, its memory and Node.js 20 are not for production. */
function quieten(owner: Owner): void {
  for (const level of ['info', 'warn'] as const) {
    const print = console[level];
    console[level] = (text: unknown, ...more: unknown[]) => {
      if (!/oidc-provider (?:NOTICE|WARNING)/.test(String(text))) print(text, ...more);
    };
    owner.teardown(() => {
      console[level] = print;
    });
  }
}
