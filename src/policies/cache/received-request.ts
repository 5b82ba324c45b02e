import type { HeaderFields } from '../../http1/message/message-view.ts';
import type { PolicyContext } from '../contract.ts';
import { type Directives, directivesOf } from './directives.ts';
import type { Values } from './variant.ts';

/** A request as it came to the cache. */
export class ReceivedRequest implements Values {
  readonly method: string;
  /** URL as the client named it. */
  readonly key: string;
  readonly directives: Directives;
  /** Its answer is meant for one caller: it has credentials, or an earlier policy has found out who calls. */
  readonly guarded: boolean;
  /** The client wants an answer that the target has confirmed. */
  readonly unwilling: boolean;
  readonly #headers: HeaderFields;
  /** The fields as they came, from when others may change them. */
  #kept: Map<string, string> | undefined;

  constructor({ request, secure, caller }: PolicyContext) {
    this.#headers = request.headers;
    this.method = request.method;
    this.key = keyOf(secure, request.authority, request.target);
    this.directives = directivesOf(this.get('cache-control'));
    // The target sees a client certificate with or without a policy that demands it.
    this.guarded = caller !== undefined || this.get('authorization') !== undefined || request.clientCertificate !== undefined;
    const pragma = this.get('cache-control') === undefined && /(^|,)\s*no-cache\s*(,|$)/i.test(this.get('pragma') ?? '');
    this.unwilling = pragma || this.directives.has('no-cache');
  }

  get(name: string): string | undefined {
    return this.#kept === undefined ? this.#headers.get(name) : this.#kept.get(name);
  }

  /** Keeps the fields, before the cache and later policies change them. Most requests are answered without that. */
  keep(): void {
    if (this.#kept !== undefined) return;
    const kept = new Map<string, string>();
    for (const [name, value] of this.#headers.entries()) {
      const lower = name.toLowerCase();
      const before = kept.get(lower);
      kept.set(lower, before === undefined ? value : `${before}, ${value}`);
    }
    this.#kept = kept;
  }

  /** The URL reference names the URL of this request. */
  names(reference: string): boolean {
    return keyNamed(reference, this.key) === this.key;
  }
}

/** Key of the URL that a reference in an answer to `key` names; undefined: it is none of the same host. */
export function keyNamed(reference: string, key: string): string | undefined {
  if (!URL.canParse(reference, key)) return undefined;
  const { host, pathname, search } = new URL(reference, key);
  if (host !== new URL(key).host) return undefined;
  return key.slice(0, key.indexOf('/', key.indexOf('//') + 2)) + pathname + search;
}

/** Key of a URL. */
export function keyOf(secure: boolean, authority: string, target: string): string {
  return `${secure ? 'https' : 'http'}://${authority}${target}`;
}
