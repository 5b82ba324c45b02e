import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** Makes a P-256 key pair. */
export function makeKeyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** Writes a private key in PEM (PKCS #8, RFC 5958). */
export function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
