import { createHash, createPrivateKey } from 'node:crypto';
import * as z from 'zod';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import type { AcmeSpec } from '../model/acme.ts';
import type { AcmeConnection, Signer } from './acme-connection.ts';
import { AcmeFailure } from './acme-failure.ts';
import { externalBinding } from './json-web-signature.ts';

/** An account at an authority, as it is kept. Holds its private key: never log it. */
export const storedAccount = z.object({ key: z.string(), url: z.string() });
export type StoredAccount = z.output<typeof storedAccount>;

/** Name of the document of the account that settings lead to: another directory, address or external account is another account. */
export function accountName({ directory, email, eab }: AcmeSpec): string {
  const digest = createHash('sha256').update(JSON.stringify([directory, email, eab.keyId]));
  return `acme:account:${digest.digest('hex').slice(0, 32)}`;
}

export function signerOf({ key, url }: StoredAccount): Required<Signer> {
  return { key: createPrivateKey(key), url };
}

/** Registers an account with a new key (RFC 8555 section 7.3). */
export async function registerAccount(connection: AcmeConnection, { email, eab }: AcmeSpec): Promise<StoredAccount> {
  const { newAccount } = await connection.directory();
  const { privateKey } = makeKeyPair();
  const payload = {
    termsOfServiceAgreed: true,
    ...(email !== '' && { contact: [`mailto:${email}`] }),
    ...(eab.keyId !== '' && { externalAccountBinding: externalBinding(eab.keyId, eab.hmac, newAccount, privateKey) }),
  };
  const { location } = await connection.post(newAccount, payload, { key: privateKey }).catch((error: unknown) => {
    // Whatever the reason: without an account no name gets a certificate.
    if (error instanceof AcmeFailure && !error.general)
      throw new AcmeFailure(error.message, { type: error.type ?? '', retryAt: error.retryAt, general: true, cause: error });
    throw error;
  });
  if (location === undefined) throw new AcmeFailure('the authority gave the new account no URL', { general: true });
  return { key: privatePem(privateKey), url: location };
}
