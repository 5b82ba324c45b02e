import type { Access } from '../../model/access.ts';
import { type Authorizer, createAuthorizer } from './authorizer.ts';
import { type SessionKey, sessionKeys } from './sessions.ts';

/** The tokens that are valid at present, and the keys of the sessions that were begun with them. They can be replaced while in use. */
export class Credentials {
  #authorize: Authorizer;
  #sessionKeys: readonly SessionKey[];
  #joinToken: string | undefined;

  private constructor(authorize: Authorizer, keys: readonly SessionKey[], joinToken: string | undefined) {
    this.#authorize = authorize;
    this.#sessionKeys = keys;
    this.#joinToken = joinToken;
  }

  static async of(tokens: Readonly<Record<Access, readonly string[]>>): Promise<Credentials> {
    return new Credentials(createAuthorizer(tokens), await sessionKeys(tokens.admin), tokens.join[0]);
  }

  /** Lets these tokens count from now on. Sessions that were begun with another admin token end. */
  async replace(tokens: Readonly<Record<Access, readonly string[]>>): Promise<void> {
    const keys = await sessionKeys(tokens.admin);
    this.#authorize = createAuthorizer(tokens);
    this.#sessionKeys = keys;
    this.#joinToken = tokens.join[0];
  }

  readonly authorize: Authorizer = (authorization) => this.#authorize(authorization);

  /** The first join token, for new servers. */
  get joinToken(): string | undefined {
    return this.#joinToken;
  }

  get sessionKeys(): readonly SessionKey[] {
    return this.#sessionKeys;
  }
}
