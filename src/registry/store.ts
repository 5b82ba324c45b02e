import type { Link, News, Watch } from './contract.ts';

/** What a registry keeps, one document each. `assignment` is where an operator put a server; it outlives the server's lease. */
export const kinds = ['environment', 'project', 'revision', 'assignment', 'server'] as const;
export type Kind = (typeof kinds)[number];

export interface Key {
  readonly kind: Kind;
  readonly name: string;
}

/** A document as it lies in a store: text that nobody has checked yet. */
export interface Stored extends Key {
  /** Another one after each change, never used twice; 0 if the store's framing of it is damaged. */
  readonly revision: number;
  readonly text: string;
  /** Milliseconds until its lease ends by the store's clock, negative once it has; only servers have one. */
  readonly leaseRemaining?: number;
}

/** Documents as they were together at one moment. */
export interface Reading {
  /** Which data this is: another value after the store was emptied and filled again. */
  readonly epoch: string;
  /** Those that exist. */
  readonly documents: readonly Stored[];
  /** Of a whole kind: changes whenever a document of it is put or removed. */
  readonly generation: number;
}

/** Something that happens as a whole, or not at all because an expectation doesn't hold. */
export interface Change {
  readonly epoch: string;
  /** Documents as they were read; 0: there was none. */
  readonly expect: readonly (Key & { readonly revision: number })[];
  /** Nothing of that kind came, went or changed since it was listed. */
  readonly expectAll?: { readonly kind: Kind; readonly generation: number };
  readonly put?: readonly (Key & { readonly text: string })[];
  readonly remove?: readonly Key[];
  /** Begins or extends the lease of a server. Milliseconds. */
  readonly lease?: { readonly id: string; readonly ttl: number };
  readonly news: readonly News[];
  /** May be forgotten by a restart: what a server says of itself, and will say again. */
  readonly transient?: boolean;
}

/**
 * A small document store with leases and news, under the rules of a registry; they are written once, over this.
 * Every failure to reach the documents is a `SluiceError` with the code `unavailable`.
 */
export interface Store {
  /** Several documents as of one moment. */
  read(keys: readonly Key[]): Promise<Reading>;
  /** All documents of a kind. */
  list(kind: Kind): Promise<Reading>;
  /** False: an expectation did not hold, nothing was changed. Removing a server ends its lease. */
  commit(change: Change): Promise<boolean>;
  /**
   * Extends the lease of server `id` by its own `ttl`, if `instance` holds it, and answers its document and that of
   * the environment it is in. No news, unless the lease had ended. One round trip: this is what happens all day.
   */
  renew(id: string, instance: string): Promise<Reading | undefined>;
  watch(listener: (news: News) => void, server?: string): Watch;
  readonly link: Link;
  close(): Promise<void>;
}

/** Whether a listener that asked for one server's news (or, undefined, for all) is to hear this. */
export function concerns(news: News, server: string | undefined): boolean {
  return news.kind !== 'server' || server === undefined || (news.name === server && !news.own);
}
