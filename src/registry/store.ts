import type { LimitStore } from '../limits/limit-store.ts';
import type { News } from '../model/news.ts';
import type { Link, Watch } from './contract.ts';

/**
 * Kinds of documents. An `assignment` records where an operator put a server; it outlives the server's lease. An `applied` document has an
 * environment's settings as they were last applied from a configuration file; it outlives the environment. A `deployment` is what an
 * environment runs of one project, a `claim` names the project that has a base path there, and a `change` is one of the latest changes there.
 * A `secret` is sealed text that balancers share. `callers` are nodes of the tree of hashes over the buckets of `consumers` and the list of `products`
 * (model/caller-tree.ts); `keyowners` name the consumer that has a key.
 */
export const kinds = [
  'environment',
  'project',
  'revision',
  'assignment',
  'server',
  'applied',
  'deployment',
  'claim',
  'change',
  'secret',
  'callers',
  'consumers',
  'products',
  'keyowners',
] as const;
export type Kind = (typeof kinds)[number];

export interface Key {
  readonly kind: Kind;
  readonly name: string;
}

/** A document that is wanted. `known` is its revision of which the reader has the text: that need not be read again. */
export interface Wanted extends Key {
  readonly known?: number | undefined;
}

/** A document as it is in a store: unchecked text. */
export interface Stored extends Key {
  /** Differs after each change, and is never used twice; 0 if the store's framing of the document is damaged. */
  readonly revision: number;
  /** May be empty if the reader has it, as {@link Wanted.known} says. */
  readonly text: string;
  /** A checksum shows that the text is as it was put. */
  readonly verified?: true;
  /** Milliseconds until the lease ends by the store's clock, negative once it has ended. Only servers have one. */
  readonly leaseRemaining?: number;
}

/** Several documents as they were at one moment. */
export interface Reading {
  /** Identity of the data: differs after the store was emptied and filled again. */
  readonly epoch: string;
  /** The documents that exist. */
  readonly documents: readonly Stored[];
  /** For a list of a kind: differs after a document of that kind was put or removed. */
  readonly generation: number;
}

/** A change that is made as a whole, or not at all if an expectation does not hold. */
export interface Change {
  readonly epoch: string;
  /** Documents that must still have the revision that was read; 0: must not exist. */
  readonly expect: readonly (Key & { readonly revision: number })[];
  /** A kind of which no document may have come, gone or changed since it was listed. */
  readonly expectAll?: { readonly kind: Kind; readonly generation: number };
  readonly put?: readonly (Key & { readonly text: string })[];
  readonly remove?: readonly Key[];
  /** Begins or extends the lease of a server. Milliseconds. */
  readonly lease?: { readonly id: string; readonly ttl: number };
  readonly news: readonly News[];
  /** May be lost in a restart: what a server reports, and will report again. */
  readonly transient?: boolean;
}

/**
 * A small document store with leases and news. The rules of a registry are written once, over this interface.
 * If the documents can't be reached, every method fails with a `SluiceError` of code `unavailable`.
 */
export interface Store {
  /** Reads several documents as of one moment. */
  read(wanted: readonly Wanted[]): Promise<Reading>;
  /**
   * Reads all documents of a kind, or those whose names begin with `prefix`: as of one moment, though of deployments and claims one that changes
   * meanwhile may be as it was before or after. Then the generation is that of the beginning.
   */
  list(kind: Kind, prefix?: string): Promise<Reading>;
  /** Makes a change. Resolves to false if an expectation did not hold; then nothing was changed. Removing a server ends its lease. */
  commit(change: Change): Promise<boolean>;
  /**
   * Extends the lease of server `id` by its own `ttl` if `instance` holds it. Resolves to the server's document and its environment's,
   * or undefined if `instance` does not hold the lease. Makes no news, unless the lease had ended. One round trip, since this is by far
   * the most frequent call.
   */
  renew(id: string, instance: string): Promise<Reading | undefined>;
  watch(listener: (news: News) => void, server?: string): Watch;
  /** Limits that gateway servers share. Absent: each server's limits are its own. */
  readonly limits?: LimitStore;
  /** Makes one tiny write and notes in `link` whether it was refused. Never rejects. */
  probe(): Promise<void>;
  readonly link: Link;
  close(): Promise<void>;
}
