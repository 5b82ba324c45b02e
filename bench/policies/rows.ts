import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A resource with policies, and the fields with which a request passes them. */
export interface Row {
  readonly name: string;
  readonly policies: Readonly<Record<string, readonly object[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Largest ratio to a request without the policies that meets the goal; undefined: there is no goal. */
  readonly goal?: number;
}

/** Name of the row that is measured beside nginx with Lua too. */
export const keyAndLimit = 'apiKey + rateLimit';
export const theKey = 'the-key-of-the-bench';

/** Makes the rows. @param folder for the file of the token's key */
export function rowsIn(folder: string): Row[] {
  const { jwks, token } = tokenIn(folder);
  const request = (...proxyRequest: object[]) => ({ proxyRequest });
  const jwt = { jwt: { jwks, claims: { sub: 'x-user' } } };
  const rateLimit = { rateLimit: { limit: 1_000_000 } };
  const apiKey = { apiKey: { keys: [theKey] } };
  const key = { 'x-api-key': theKey };
  const cors = { cors: { origins: ['https://app.example.com'], credentials: true } };
  const origin = { origin: 'https://app.example.com' };
  const ipFilter = { ipFilter: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.99.0.0/16'] } };
  const circuitBreaker = { circuitBreaker: {} };
  const headers = { headers: { set: { 'x-by': 'sluice' }, remove: ['x-internal'] } };
  const rewrite = { rewrite: { query: { set: { source: 'bench' } } } };
  const authorization = `Bearer ${token}`;
  return [
    { name: 'headers', policies: request(headers) },
    { name: 'ipFilter', policies: request(ipFilter) },
    { name: 'cors', policies: request(cors), headers: origin },
    { name: 'apiKey', policies: request(apiKey), headers: key },
    { name: 'jwt', policies: request(jwt), headers: { authorization }, goal: 1.2 },
    { name: 'rateLimit', policies: request(rateLimit) },
    { name: keyAndLimit, policies: request(apiKey, rateLimit), headers: key, goal: 1.15 },
    { name: 'rewrite', policies: request(rewrite) },
    { name: 'timeout + retry', policies: request({ timeout: { responseHead: '5s' } }, { retry: { attempts: 2 } }) },
    { name: 'circuitBreaker', policies: request(circuitBreaker) },
    { name: 'log', policies: request({ log: { fields: { host: '${request.header.host}' } } }) },
    {
      name: 'ten policies',
      policies: {
        proxyRequest: [
          cors,
          ipFilter,
          apiKey,
          jwt,
          rateLimit,
          circuitBreaker,
          { timeout: { total: '10s' } },
          { bodyLimit: { bytes: 1_000_000 } },
        ],
        targetRequest: [headers],
        proxyResponse: [{ headers: { set: { 'cache-control': 'no-store' } } }],
      },
      headers: { ...origin, ...key, authorization },
      goal: 1.5,
    },
  ];
}

/** A token signed with RS256, and the file of its public key. */
function tokenIn(folder: string): { jwks: string; token: string } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwks = join(folder, 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'RS256' }] }));
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', kid: 'bench' })}.${part({ sub: 'bench', exp: Math.floor(Date.now() / 1000) + 86_400 })}`;
  return { jwks, token: `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}` };
}
