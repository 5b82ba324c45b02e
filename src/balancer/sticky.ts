import { createHash } from 'node:crypto';
import type { Exchange } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { cookie } from './request-key.ts';

/**
 * Keeps a client with the server that answered it first, by a session cookie (RFC 6265). The cookie holds a digest, the same
 * at every balancer and after every restart, that does not tell the server's name. Draining, failing or leaving breaks the tie:
 * then another server is picked and the cookie follows.
 */
export class Sticky {
  readonly #cookie: string;
  readonly #environment: string;
  readonly #serverOf = new Map<string, Upstream>();
  readonly #tokenOf = new Map<Upstream, string>();

  /** @param cookie its name, checked before */
  constructor(cookie: string, environment: string) {
    this.#cookie = cookie;
    this.#environment = environment;
  }

  /** From now on these are the servers that may be picked. */
  follow(servers: readonly Upstream[]): void {
    this.#serverOf.clear();
    this.#tokenOf.clear();
    for (const server of servers) {
      const token = createHash('sha256').update(`${this.#environment}\0${server.id}`).digest('base64url').slice(0, 16);
      this.#serverOf.set(token, server);
      this.#tokenOf.set(server, token);
    }
  }

  /** The server that the client is tied to, if it can take this request. */
  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    const token = this.#given(exchange);
    const server = token === undefined ? undefined : this.#serverOf.get(token);
    return server?.available && !tried.includes(server) ? server : undefined;
  }

  /** Ties the client to `server`, which is answering, unless it is already. */
  tie(exchange: Exchange, server: Upstream): void {
    const token = this.#tokenOf.get(server);
    if (token === undefined || token === this.#given(exchange)) return;
    exchange.response.headers.add('Set-Cookie', `${this.#cookie}=${token}; Path=/; HttpOnly; SameSite=Lax`);
  }

  #given(exchange: Exchange): string | undefined {
    return cookie(exchange.request.headers.get('cookie'), this.#cookie);
  }
}
