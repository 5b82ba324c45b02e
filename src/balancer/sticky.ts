import { createHash } from 'node:crypto';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { Exchange } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { cookie } from './request-key.ts';

type StickySpec = EnvironmentSpec['sticky'];

/**
 * Keeps a client on the server that answered it first, by a session cookie (RFC 6265). The cookie holds a digest of the server's id,
 * which is the same at every balancer and after every restart and does not reveal the id. When the server drains, fails or leaves,
 * another server is picked and the client gets a new cookie. When it is only full, the client keeps its cookie.
 */
export class Sticky {
  readonly #cookie: string;
  readonly #environment: string;
  readonly #secure: StickySpec['secure'];
  readonly #attributes: string;
  readonly #serverOf = new Map<string, Upstream>();
  readonly #tokenOf = new Map<Upstream, string>();

  constructor(
    { cookie, secure = 'auto', sameSite = 'Lax', maxAge = 0, domain = '', path = '/' }: Pick<StickySpec, 'cookie'> & Partial<StickySpec>,
    environment: string,
  ) {
    this.#cookie = cookie;
    this.#secure = secure;
    const seconds = Math.ceil(maxAge / 1000);
    this.#attributes = `${domain === '' ? '' : `; Domain=${domain}`}; Path=${path}${seconds === 0 ? '' : `; Max-Age=${seconds}`}; HttpOnly; SameSite=${sameSite}`;
    this.#environment = environment;
  }

  /** Replaces the servers that may be picked. */
  follow(servers: readonly Upstream[]): void {
    this.#serverOf.clear();
    this.#tokenOf.clear();
    for (const server of servers) {
      const token = createHash('sha256').update(`${this.#environment}\0${server.id}`).digest('base64url').slice(0, 16);
      this.#serverOf.set(token, server);
      this.#tokenOf.set(server, token);
    }
  }

  /** The server that the client's cookie names, if that server can take this request. */
  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    const token = this.#cookieValue(exchange);
    const server = token === undefined ? undefined : this.#serverOf.get(token);
    return server?.available && !tried.includes(server) ? server : undefined;
  }

  /** True if the client's cookie names a server that only lacks room for this request. */
  full(exchange: Exchange, tried: readonly Upstream[]): boolean {
    const token = this.#cookieValue(exchange);
    const server = token === undefined ? undefined : this.#serverOf.get(token);
    return server !== undefined && !server.available && !tried.includes(server);
  }

  /** Sets the cookie for `server`, which is answering, unless the client already has it. */
  tie(exchange: Exchange, server: Upstream): void {
    const token = this.#tokenOf.get(server);
    if (token === undefined || token === this.#cookieValue(exchange)) return;
    const secure = this.#secure === 'on' || (this.#secure === 'auto' && exchange.secure) ? '; Secure' : '';
    exchange.response.headers.add('Set-Cookie', `${this.#cookie}=${token}${this.#attributes}${secure}`);
  }

  #cookieValue(exchange: Exchange): string | undefined {
    return cookie(exchange.request.headers.get('cookie'), this.#cookie);
  }
}
