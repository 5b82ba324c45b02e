import { createHash, createPrivateKey } from 'node:crypto';
import * as z from 'zod';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import type { AcmeSpec } from '../model/acme.ts';
import type { Log } from '../model/log.ts';
import { type AcmeConnection, json, type Signer } from './acme-connection.ts';
import { AcmeFailure } from './acme-failure.ts';
import { externalBinding } from './json-web-signature.ts';
import type { Kept, SecretStore } from './secret-store.ts';

/** An account at an authority, as it is kept. Holds its private key: never log it. */
const storedAccount = z.object({ key: z.string(), url: z.string() });
export type StoredAccount = z.output<typeof storedAccount>;

/** Name of the document of the account that settings lead to: another directory, address or external account is another account. */
export function accountName({ directory, email, eab }: AcmeSpec): string {
  const digest = createHash('sha256').update(JSON.stringify([directory, email, eab.keyId]));
  return `acme:account:${digest.digest('hex').slice(0, 32)}`;
}

export function signerOf({ key, url }: StoredAccount): Required<Signer> {
  return { key: createPrivateKey(key), url };
}

/** Accounts at authorities, as the registry keeps them: each is read, or registered, once for all orders that need it. */
export class Accounts {
  readonly #store: SecretStore;
  readonly #logger: Log;
  readonly #known = new Map<string, Promise<StoredAccount>>();

  constructor(store: SecretStore, logger: Log) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Resolves with the account that settings lead to. */
  of(connection: AcmeConnection, spec: AcmeSpec): Promise<StoredAccount> {
    const name = accountName(spec);
    const present = this.#known.get(name) ?? this.#open(connection, spec, name);
    this.#known.set(name, present);
    // After a failure the next order tries again.
    present.catch(() => this.#known.delete(name));
    return present;
  }

  /** Forgets an account that its authority does not know any more, unless another order has replaced it already. */
  async forget(spec: AcmeSpec, gone: StoredAccount): Promise<void> {
    const name = accountName(spec);
    const known = await this.#known.get(name)?.catch(() => undefined);
    if (known?.url !== gone.url) return;
    this.#known.delete(name);
    const { kept, document } = await this.#find(name);
    if (kept !== undefined) await this.#store.remove(document, kept.revision);
  }

  async #open(connection: AcmeConnection, spec: AcmeSpec, name: string): Promise<StoredAccount> {
    const { kept, document } = await this.#find(name);
    const { data } = storedAccount.safeParse(kept?.text === undefined ? undefined : json(kept.text));
    if (data !== undefined) return data;
    const account = await registerAccount(connection, spec);
    this.#logger.info({ directory: spec.directory, account: account.url }, 'account registered at the authority of certificates');
    await this.#store.put(document, JSON.stringify(account), kept?.revision ?? 0);
    return account;
  }

  /** Finds the document of an account: one of this balancer's key if the usual one is sealed with another, which may be in use elsewhere. */
  async #find(name: string): Promise<{ readonly document: string; readonly kept: Kept | undefined }> {
    const kept = await this.#store.get(name);
    if (kept?.fault?.code !== 'invalid') return { document: name, kept };
    const document = `${name}:${this.#store.keyId}`;
    return { document, kept: await this.#store.get(document) };
  }
}

/** Registers an account with a new key (RFC 8555 section 7.3). */
async function registerAccount(connection: AcmeConnection, { email, eab }: AcmeSpec): Promise<StoredAccount> {
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
