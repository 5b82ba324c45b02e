import type { Grant } from '../../model/access.ts';
import { type Authorizer, createGrants } from './authorizer.ts';
import { type SessionKey, sessionKeys } from './sessions.ts';
import type { Tokens } from './tokens.ts';

/** The tokens that are valid at present, and the keys of the sessions that were begun with them. They can be replaced while in use. */
export class Credentials {
  #grantOf: (authorization: string | undefined) => Grant | undefined;
  #sessionKeys: readonly SessionKey[];
  #joinToken: string;

  private constructor(tokens: Tokens, keys: readonly SessionKey[]) {
    this.#grantOf = createGrants(tokens.granted);
    this.#sessionKeys = keys;
    this.#joinToken = tokens.join;
  }

  static async of(tokens: Tokens): Promise<Credentials> {
    return new Credentials(tokens, await sessionKeys(tokens.valid.admin));
  }

  /** Lets these tokens count from now on. Sessions that were begun with another admin token end. */
  async replace(tokens: Tokens): Promise<void> {
    const keys = await sessionKeys(tokens.valid.admin);
    this.#grantOf = createGrants(tokens.granted);
    this.#sessionKeys = keys;
    this.#joinToken = tokens.join;
  }

  readonly authorize: Authorizer = (authorization) => this.#grantOf(authorization)?.access;

  /** Finds what an `Authorization` header gives, limits included; `undefined`: nothing. */
  readonly grantOf = (authorization: string | undefined): Grant | undefined => this.#grantOf(authorization);

  /** The first join token, for new servers. */
  get joinToken(): string {
    return this.#joinToken;
  }

  get sessionKeys(): readonly SessionKey[] {
    return this.#sessionKeys;
  }
}
