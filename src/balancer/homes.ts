import type { Exchange } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Choice } from './choice.ts';
import { homeKey, type RequestKey } from './request-key.ts';

/** Most parts of requests that homes go by at the same time, and most values of each that were used lately. */
const mostParts = 4;
const mostValues = 10_000;
/** Milliseconds after which a value that no response has confirmed is forgotten, at least; it may take twice as long. */
const memoryMs = 60_000;
/** Requests that go to a home in advance of their responses: at first, and at most. */
const firstCredit = 64;
const mostCredit = 1024;
/** Requests that may follow a response that confirms the home. More than one, so that the credit grows; few, so that a value whose requests are mostly not meant stays balanced. */
const creditBack = 2;

/** One value's home. */
interface Home {
  server: string;
  /** Requests that may still be sent there, before a response has to confirm that they belong there. */
  credit: number;
}

/** Homes by one part of requests, such as a field: two generations, and a value that is confirmed is in the newer one. */
interface Part {
  readonly key: RequestKey;
  recent: Map<number, Home>;
  former: Map<number, Home>;
  renewedAt: number;
}

/**
 * Homes of requests that count for one limit: the one server on which that limit is counted best. Gateway servers tell them in their responses, each for
 * one value of a part of the request, such as `header:authorization`; later requests with that value are sent there. A home is advice: a server that is
 * full, failing or leaving is passed over, and requests beyond those that responses confirm are balanced as all others are.
 */
export class Homes {
  readonly #now: () => number;
  readonly #parts = new Map<string, Part>();
  readonly #choice: Choice;

  constructor(now: () => number, choice: Choice) {
    this.#now = now;
    this.#choice = choice;
  }

  /** False: no home is known, and {@link pick} need not be asked. */
  get known(): boolean {
    return this.#parts.size > 0;
  }

  /** Called when the choice has changed. */
  follow(): void {
    if (this.#choice.weighted < 2) this.#parts.clear();
  }

  /** The home of a request, if it has one that can take it. */
  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    if (tried.length > 0) return undefined;
    for (const [on, part] of this.#parts) {
      if (this.#isOld(part, on)) continue;
      const value = part.key(exchange);
      const home = part.recent.get(value) ?? part.former.get(value);
      const server = home === undefined || home.credit <= 0 ? undefined : this.#find(home.server);
      if (home === undefined || !server?.available) continue;
      home.credit--;
      return server;
    }
    return undefined;
  }

  /** Takes what a response says of the home of its request: the part of the request, and the server's id. */
  learn(exchange: Exchange, told: string): void {
    const [on = '', server = ''] = told.split(' ', 2);
    if (this.#choice.weighted < 2 || this.#find(server) === undefined) return;
    const part = this.#parts.get(on) ?? this.#partOf(on);
    if (part === undefined) return;
    const value = part.key(exchange);
    const home = part.recent.get(value) ?? part.former.get(value) ?? { server, credit: firstCredit };
    home.server = server;
    home.credit = Math.min(home.credit + creditBack, mostCredit);
    if (part.recent.size >= mostValues) this.#renew(part);
    part.recent.set(value, home);
  }

  #find(id: string): Upstream | undefined {
    const server = this.#choice.find(id);
    return server !== undefined && server.weight > 0 ? server : undefined;
  }

  #partOf(on: string): Part | undefined {
    const key = this.#parts.size < mostParts ? homeKey(on) : undefined;
    if (key === undefined) return undefined;
    const part = { key, recent: new Map(), former: new Map(), renewedAt: this.#now() };
    this.#parts.set(on, part);
    return part;
  }

  /** Forgets what was not confirmed for long. True: nothing is left. */
  #isOld(part: Part, on: string): boolean {
    if (this.#now() - part.renewedAt > memoryMs) this.#renew(part);
    if (part.recent.size > 0 || part.former.size > 0) return false;
    this.#parts.delete(on);
    return true;
  }

  #renew(part: Part): void {
    part.former = part.recent;
    part.recent = new Map();
    part.renewedAt = this.#now();
  }
}
