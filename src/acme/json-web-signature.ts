import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** A request body of ACME: a flattened JSON Web Signature (RFC 7515 section 7.2.2, RFC 8555 section 6.2). */
export interface SignedBody {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/**
 * Signs a payload with a P-256 key (ES256, RFC 7518 section 3.4).
 * @param payload undefined: the request only reads (POST-as-GET)
 */
export function signed(header: object, payload: unknown, key: KeyObject): SignedBody {
  return joined({ alg: 'ES256', ...header }, payload, (text) =>
    sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  );
}

/** Proves to own an account outside of ACME: signs the account's public key with the key that the authority has given (RFC 8555 section 7.3.4). */
export function externalBinding(keyId: string, hmac: string, url: string, key: KeyObject): SignedBody {
  const secret = Buffer.from(hmac, 'base64url');
  return joined({ alg: 'HS256', kid: keyId, url }, publicJwk(key), (text) => createHmac('sha256', secret).update(text).digest('base64url'));
}

/** The public part of a key as JWK (RFC 7517), its members in the order of the thumbprint. */
export function publicJwk(key: KeyObject): { crv: string; kty: string; x: string; y: string } {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { crv, kty, x, y };
}

/** Content of the answer to a challenge: its token, and the thumbprint (RFC 7638) of the account's key (RFC 8555 section 8.1). */
export function keyAuthorization(token: string, key: KeyObject): string {
  return `${token}.${createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url')}`;
}

function joined(header: object, payload: unknown, signatureOf: (text: string) => string): SignedBody {
  const parts = { protected: encoded(header), payload: payload === undefined ? '' : encoded(payload) };
  return { ...parts, signature: signatureOf(`${parts.protected}.${parts.payload}`) };
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
