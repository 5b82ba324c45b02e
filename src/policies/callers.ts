import type { Product } from '../model/product.ts';

/** A consumer as a gateway server knows it. It is a Caller, so that a policy that finds it makes no object of its own. */
export interface KnownConsumer {
  /** Its name. */
  readonly consumer: string;
  /** Names of products that it has subscribed to. */
  readonly products: readonly string[];
  /** Digests of passwords (model/password-digest.ts), with the instants at which they expire; 0: never. */
  readonly passwords: readonly { readonly scrypt: string; readonly expires: number }[];
}

/** The consumers and products of the registry, as a gateway server last read them. */
export interface Callers {
  /** False until they were read once, from the registry or from disk: a key that is not found then is not an unknown one. */
  readonly known: boolean;
  /** The consumer with a key that has not expired. @param digest SHA-256 of the key as Latin-1 text of 32 characters */
  byKey(digest: string): KnownConsumer | undefined;
  byName(name: string): KnownConsumer | undefined;
  /** False if no project is in a product. */
  readonly demanding: boolean;
  /**
   * The product through which a consumer uses a project: the first one by name to which it has subscribed. null: it has subscribed to none that the
   * project is in. undefined: the project is in no product.
   */
  productFor(project: string, consumer: string | undefined): Product | null | undefined;
}

/** Callers of a gateway server that has none. */
export const noCallers: Callers = {
  known: true,
  byKey: () => undefined,
  byName: () => undefined,
  demanding: false,
  productFor: () => undefined,
};
