import { createHash } from 'node:crypto';

/**
 * Names of an environment's servers in sticky cookies. A token is a digest of the server's id, which is the same at every balancer and after every
 * restart and does not reveal the id. It is made once for each server: thousands of digests take milliseconds.
 */
export class StickyTokens {
  readonly #environment: string;
  readonly #tokenOf = new Map<string, string>();
  readonly #idOf = new Map<string, string>();

  constructor(environment: string) {
    this.#environment = environment;
  }

  /** Makes a server's token, unless it has one. */
  add(id: string): void {
    if (this.#tokenOf.has(id)) return;
    const token = createHash('sha256').update(`${this.#environment}\0${id}`).digest('base64url').slice(0, 16);
    this.#tokenOf.set(id, token);
    this.#idOf.set(token, id);
  }

  /** Makes the tokens of exactly these servers. */
  follow(servers: ReadonlyMap<string, unknown>): void {
    for (const id of servers.keys()) this.add(id);
    if (this.#tokenOf.size === servers.size) return;
    for (const [id, token] of this.#tokenOf) {
      if (servers.has(id)) continue;
      this.#tokenOf.delete(id);
      this.#idOf.delete(token);
    }
  }

  of(id: string): string | undefined {
    return this.#tokenOf.get(id);
  }

  idOf(token: string): string | undefined {
    return this.#idOf.get(token);
  }
}
