import { type ConsumerBucket, consumerBucket, productList } from '../model/caller-tree.ts';
import type { Clock } from '../model/clock.ts';
import type { Product } from '../model/product.ts';
import type { Callers, KnownConsumer } from '../policies/callers.ts';

/** A consumer with the digests of its keys, by which its entries are found when it changes. */
interface Listed extends KnownConsumer {
  readonly digests: readonly string[];
}

interface Key {
  readonly consumer: Listed;
  /** Instant at which it expires; 0: never. */
  readonly expires: number;
}

const none: readonly never[] = [];

/** All consumers and products in memory. Finding one by key or name does not depend on their number, and replacing a bucket costs that bucket. */
export class CallerDirectory implements Callers {
  known = false;
  readonly #clock: Pick<Clock, 'date'>;
  readonly #keys = new Map<string, Key>();
  readonly #consumers = new Map<string, Listed>();
  readonly #buckets = new Map<string, readonly Listed[]>();
  #products: ReadonlyMap<string, Product> = new Map();
  /** Names of products by project. */
  #demands: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  /** Lists of product names, each kept once: most consumers have one of few. */
  readonly #lists = new Map<string, readonly string[]>();

  constructor(clock: Pick<Clock, 'date'>) {
    this.#clock = clock;
  }

  /** Number of consumers, and of their keys. */
  get size(): { readonly consumers: number; readonly keys: number } {
    return { consumers: this.#consumers.size, keys: this.#keys.size };
  }

  byKey(digest: string): KnownConsumer | undefined {
    const key = this.#keys.get(digest);
    return key === undefined || (key.expires !== 0 && key.expires <= this.#clock.date()) ? undefined : key.consumer;
  }

  byName(name: string): KnownConsumer | undefined {
    return this.#consumers.get(name);
  }

  get demanding(): boolean {
    return this.#demands.size > 0;
  }

  productFor(project: string, consumer: string | undefined): Product | null | undefined {
    const products = this.#demands.get(project);
    if (products === undefined) return undefined;
    const subscribed = consumer === undefined ? none : (this.#consumers.get(consumer)?.products ?? none);
    for (const product of subscribed) if (products.has(product)) return this.#products.get(product) ?? null;
    return null;
  }

  /** Replaces the consumers of a bucket. Throws if the text is not understood; then nothing has changed. */
  putBucket(name: string, text: string): number {
    const { consumers } = consumerBucket.parse(JSON.parse(text)) as ConsumerBucket;
    this.dropBucket(name);
    const listed = consumers.map((one) => this.#add(one));
    if (listed.length > 0) this.#buckets.set(name, listed);
    return listed.length;
  }

  dropBucket(name: string): void {
    for (const consumer of this.#buckets.get(name) ?? none) {
      if (this.#consumers.get(consumer.consumer) === consumer) this.#consumers.delete(consumer.consumer);
      // The key may be another consumer's by now, whose bucket came first.
      for (const digest of consumer.digests) if (this.#keys.get(digest)?.consumer === consumer) this.#keys.delete(digest);
    }
    this.#buckets.delete(name);
  }

  /** Replaces all products. Throws if the text is not understood; then nothing has changed. */
  putProducts(text: string): void {
    const { products } = productList.parse(JSON.parse(text)) as { products: readonly Product[] };
    const demands = new Map<string, Set<string>>();
    for (const { name, projects } of products) {
      for (const project of projects) {
        const names = demands.get(project) ?? new Set();
        demands.set(project, names.add(name));
      }
    }
    this.#products = new Map(products.map((product) => [product.name, product]));
    this.#demands = demands;
    this.#lists.clear();
  }

  #add({ name, keys, passwords, products }: ConsumerBucket['consumers'][number]): Listed {
    const digests = keys.map(({ sha256 }) => Buffer.from(sha256, 'hex').toString('latin1'));
    const kept = passwords.length === 0 ? none : passwords.map(({ scrypt, expires = 0 }) => ({ scrypt, expires }));
    const consumer: Listed = { consumer: name, products: this.#shared(products), passwords: kept, digests };
    this.#consumers.set(name, consumer);
    for (const [index, digest] of digests.entries()) this.#keys.set(digest, { consumer, expires: keys[index]?.expires ?? 0 });
    return consumer;
  }

  #shared(products: readonly string[]): readonly string[] {
    if (products.length === 0) return none;
    const id = products.join();
    const known = this.#lists.get(id);
    if (known !== undefined) return known;
    // Lists of products are few in practice; all that differ are kept with their consumers anyway.
    if (this.#lists.size < 1000) this.#lists.set(id, products);
    return products;
  }
}
