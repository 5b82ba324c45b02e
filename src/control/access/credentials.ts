import type { Access } from '../../model/access.ts';
import { type Authorizer, createAuthorizer } from './authorizer.ts';
import { type SessionKey, sessionKeys } from './sessions.ts';

/** The tokens that are valid at present, and the keys of the sessions that were begun with them. They can be replaced while in use. */
export class Credentials {
  #authorize: Authorizer;
  #sessionKeys: readonly SessionKey[];

  private constructor(authorize: Authorizer, keys: readonly SessionKey[]) {
    this.#authorize = authorize;
    this.#sessionKeys = keys;
  }

  static async of(tokens: Readonly<Record<Access, readonly string[]>>): Promise<Credentials> {
    return new Credentials(createAuthorizer(tokens), await sessionKeys(tokens.admin));
  }

  /** Lets these tokens count from now on. Sessions that were begun with another admin token end. */
  async replace(tokens: Readonly<Record<Access, readonly string[]>>): Promise<void> {
    const keys = await sessionKeys(tokens.admin);
    this.#authorize = createAuthorizer(tokens);
    this.#sessionKeys = keys;
  }

  readonly authorize: Authorizer = (authorization) => this.#authorize(authorization);

  get sessionKeys(): readonly SessionKey[] {
    return this.#sessionKeys;
  }
}
