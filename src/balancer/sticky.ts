import type { EnvironmentSpec } from '../model/environment.ts';
import type { Exchange } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Choice } from './choice.ts';
import { cookie } from './request-key.ts';
import type { StickyTokens } from './sticky-tokens.ts';

type StickySpec = EnvironmentSpec['sticky'];

/**
 * Keeps a client on the server that answered it first, by a session cookie (RFC 6265), which holds the server's token. When the server drains, fails or leaves,
 * another server is picked and the client gets a new cookie. When it is only full, the client keeps its cookie.
 */
export class Sticky {
  readonly #cookie: string;
  readonly #secure: StickySpec['secure'];
  readonly #attributes: string;
  readonly #tokens: StickyTokens;
  readonly #choice: Choice;

  constructor(
    { cookie, secure = 'auto', sameSite = 'Lax', maxAge = 0, domain = '', path = '/' }: Pick<StickySpec, 'cookie'> & Partial<StickySpec>,
    tokens: StickyTokens,
    choice: Choice,
  ) {
    this.#cookie = cookie;
    this.#secure = secure;
    const seconds = Math.ceil(maxAge / 1000);
    this.#attributes = `${domain === '' ? '' : `; Domain=${domain}`}; Path=${path}${seconds === 0 ? '' : `; Max-Age=${seconds}`}; HttpOnly; SameSite=${sameSite}`;
    this.#tokens = tokens;
    this.#choice = choice;
  }

  /** The server that the client's cookie names, if that server can take this request. */
  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    const server = this.#named(exchange);
    return server?.available && !tried.includes(server) ? server : undefined;
  }

  /** True if the client's cookie names a server that only lacks room for this request. */
  full(exchange: Exchange, tried: readonly Upstream[]): boolean {
    const server = this.#named(exchange);
    return server !== undefined && !server.available && !tried.includes(server);
  }

  /** Sets the cookie for `server`, which is answering, unless the client already has it. */
  tie(exchange: Exchange, server: Upstream): void {
    const token = this.#choice.find(server.id) === server ? this.#tokens.of(server.id) : undefined;
    if (token === undefined || token === this.#cookieValue(exchange)) return;
    const secure = this.#secure === 'on' || (this.#secure === 'auto' && exchange.secure) ? '; Secure' : '';
    exchange.response.headers.add('Set-Cookie', `${this.#cookie}=${token}${this.#attributes}${secure}`);
  }

  /** The server that the client's cookie names, whether it can take a request or not. */
  #named(exchange: Exchange): Upstream | undefined {
    const token = this.#cookieValue(exchange);
    const id = token === undefined ? undefined : this.#tokens.idOf(token);
    return id === undefined ? undefined : this.#choice.find(id);
  }

  #cookieValue(exchange: Exchange): string | undefined {
    return cookie(exchange.request.headers.get('cookie'), this.#cookie);
  }
}
