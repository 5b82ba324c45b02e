import {
  type Branch,
  bucketOf,
  countBelow,
  isBucket,
  nodeText,
  parentOf,
  productsName,
  rootName,
  textHash,
} from '../../model/caller-tree.ts';
import type { Consumer } from '../../model/consumer.ts';
import { SluiceError } from '../../model/fault.ts';
import { eachInTurns, mapInTurns } from '../../model/pieces.ts';
import type { Product } from '../../model/product.ts';
import type { DocumentOf } from '../documents.ts';
import type { Change, Key } from '../store.ts';
import type { Entry, Ledger } from './ledger.ts';

/** Documents to write, by their ids. */
type Put = Map<string, Key & { readonly text: string }>;

/** Kinds of the documents about callers. */
type CallerKind = 'consumers' | 'callers' | 'products' | 'keyowners';

/** Greatest number of consumers in a registry. */
const mostConsumers = 1_000_000;

/** Name of the document with the identity of the whole tree. */
export const headName = 'head';

/** Begins the name of no bucket: a list of these has nothing but the generation of all. */
const noBucket = '-';

const head = { kind: 'callers', name: headName } as const;

/** The document that holds a part of the tree. */
export function documentOf(part: string): Key {
  if (part === productsName) return { kind: 'products', name: productsName };
  return { kind: isBucket(part) ? 'consumers' : 'callers', name: part };
}

/** Name of the document with the owner of a key, by the key's digest. */
export function ownersOf(digest: string): string {
  return digest.slice(0, 3);
}

/**
 * Consumers and products as they were read, with changes that are committed together. Each document is read once; a commit expects all that were read
 * to be unchanged. Several edits share a draft.
 */
export class CallerDraft {
  readonly #ledger: Ledger;
  /** Number of changes so far. */
  changes = 0;
  readonly #entries = new Map<string, Entry<CallerKind>>();
  readonly #buckets = new Map<string, Map<string, Consumer>>();
  readonly #owners = new Map<string, Map<string, string>>();
  #products: Map<string, Product> | undefined;
  readonly #changed = new Map<string, Key>();
  #epoch: string | undefined;
  #restored: string | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Reads documents that edits will need, in one go. */
  async prefetch(keys: readonly Key[]): Promise<void> {
    const missing = new Map(keys.filter((key) => !this.#entries.has(idOf(key))).map((key) => [idOf(key), key]));
    if (missing.size === 0) return;
    const wanted = [...missing.values()];
    const reading = await this.#ledger.read(...wanted);
    // If the data was replaced between two readings, the commit fails because of the older epoch, and everything is read again.
    this.#epoch ??= reading.epoch;
    await eachInTurns(wanted, (key) => void this.#entries.set(idOf(key), reading.get(key.kind as CallerKind, key.name)));
  }

  async consumer(name: string): Promise<Consumer | undefined> {
    return (await this.#bucket(bucketOf(name))).get(name);
  }

  /** The consumer that has the key with this digest. */
  async ownerOf(digest: string): Promise<string | undefined> {
    return (await this.#ownersIn(ownersOf(digest))).get(digest);
  }

  async products(): Promise<ReadonlyMap<string, Product>> {
    return this.#readProducts();
  }

  /** Puts a consumer in the place of the one that was read, and its keys in the place of that one's. */
  async put(next: Consumer, before: Consumer | undefined): Promise<void> {
    const bucket = await this.#bucket(bucketOf(next.name));
    await this.#ownKeys(next.name, before?.keys ?? [], next.keys);
    bucket.set(next.name, next);
    this.#note(documentOf(bucketOf(next.name)));
  }

  async remove(before: Consumer): Promise<void> {
    const bucket = await this.#bucket(bucketOf(before.name));
    await this.#ownKeys(before.name, before.keys, []);
    bucket.delete(before.name);
    this.#note(documentOf(bucketOf(before.name)));
  }

  async putProduct(next: Product): Promise<void> {
    (await this.#readProducts()).set(next.name, next);
    this.#note(documentOf(productsName));
  }

  async removeProduct(name: string): Promise<void> {
    (await this.#readProducts()).delete(name);
    this.#note(documentOf(productsName));
  }

  /** All that was changed, up to the head; undefined if nothing was. */
  async change(): Promise<Change | undefined> {
    if (this.#changed.size === 0) return undefined;
    const { put, changed } = await this.#changedLeaves();
    await this.prefetch([head]);
    await this.#changeTree(changed, put);
    return this.#committed(put);
  }

  /** All that was changed, without the tree above it if the store has lost that: then nobody follows it before {@link wholeTree} makes it again. */
  async changeUnder(): Promise<Change | undefined> {
    await this.prefetch([head]);
    if (this.#value('callers', headName) !== undefined || this.#changed.size === 0) return this.change();
    return this.#committed((await this.#changedLeaves()).put);
  }

  /** The tree above all parts that are stored. @param restored epoch of the lost data that they were restored from */
  async wholeTree(restored: string): Promise<Change> {
    await this.prefetch([head]);
    this.#restored = restored;
    const put: Put = new Map();
    // The generation, since another process may be writing consumers under the missing tree.
    const { generation } = await this.#ledger.store.list('consumers', noBucket);
    await this.#changeTree(await this.#allBranches(), put);
    return { ...this.#committed(put), expectAll: { kind: 'consumers', generation } };
  }

  /** Epoch of the lost data that was restored last. */
  async restored(): Promise<string | undefined> {
    await this.prefetch([head]);
    return this.#value('callers', headName)?.restored;
  }

  /** Identity of the data that was read. */
  get epoch(): string {
    return this.#epoch ?? '';
  }

  async #changedLeaves(): Promise<{ put: Put; changed: Map<string, Branch> }> {
    const put: Put = new Map();
    const changed = new Map<string, Branch>();
    await eachInTurns(this.#changed.values(), ({ kind, name }) => {
      if (kind === 'keyowners')
        put.set(idOf({ kind, name }), { kind, name, text: JSON.stringify({ owners: Object.fromEntries(this.#owners.get(name) ?? []) }) });
      else {
        const { text, below } = this.#textOf(name);
        put.set(idOf({ kind, name }), { kind, name, text });
        changed.set(name, [textHash(text), below]);
      }
    });
    return { put, changed };
  }

  async #changeTree(changed: ReadonlyMap<string, Branch>, put: Put): Promise<void> {
    const write = (key: Key, text: string) => put.set(idOf(key), { ...key, text });
    // All parts without the tree above them: the store has lost it. A tree of the changed part alone would end all others.
    const leaves = new Map(this.#value('callers', headName) === undefined ? [...(await this.#allBranches()), ...changed] : changed);
    const products = leaves.get(productsName);
    leaves.delete(productsName);
    // From the buckets two levels up, where the products are beside the first digits; then into the root, then into the head.
    let level: Map<string, Branch> = await this.#changeParents(await this.#changeParents(leaves, write), write);
    if (products !== undefined) level.set(productsName, products);
    for (const _ of [rootName, headName]) level = await this.#changeParents(level, write);
  }

  #committed(put: Put): Change {
    const expect = [...this.#entries.values()].map(({ kind, name, revision }) => ({ kind, name, revision }));
    return { epoch: this.#epoch ?? '', expect, put: [...put.values()], news: [{ kind: 'callers', name: 'all' }] };
  }

  /** Puts the hashes of changed parts into the nodes above them, which become the changed parts; into the head at last. */
  async #changeParents(changed: ReadonlyMap<string, Branch>, write: (key: Key, text: string) => void): Promise<Map<string, Branch>> {
    const parents = new Map<string, Map<string, Branch>>();
    const names = [...new Set([...changed.keys()].map((name) => parentOf(name) ?? headName))];
    await this.prefetch(names.map((name) => ({ kind: 'callers', name })));
    for (const name of names) parents.set(name, new Map(Object.entries(this.#value('callers', name)?.children ?? {})));
    for (const [name, branch] of changed) parents.get(parentOf(name) ?? headName)?.set(name, branch);
    const next = new Map<string, Branch>();
    for (const [name, children] of parents) {
      const below = countBelow(children.values());
      const text = nodeText(children);
      write({ kind: 'callers', name }, name === headName ? this.#headText(text) : text);
      if (name === rootName && below > mostConsumers && below > (this.#value('callers', headName)?.children[rootName]?.[1] ?? 0))
        throw new SluiceError('conflict', `there are ${mostConsumers} consumers, which is the most: delete some first`);
      if (name !== headName) next.set(name, [textHash(text), below]);
    }
    return next;
  }

  #headText(node: string): string {
    const restored = this.#restored ?? this.#value('callers', headName)?.restored;
    return restored === undefined ? node : JSON.stringify({ ...JSON.parse(node), restored });
  }

  /** All buckets and the products, as they are stored. */
  async #allBranches(): Promise<Map<string, Branch>> {
    const { store } = this.#ledger;
    const [buckets, lists] = [await store.list('consumers'), await store.list('products')];
    const branches = await mapInTurns([...buckets.documents, ...lists.documents], ({ name, text }): [string, Branch] => {
      const { consumers = [] } = JSON.parse(text) as { consumers?: readonly unknown[] };
      return [name, [textHash(text), consumers.length]];
    });
    return new Map(branches);
  }

  #textOf(part: string): { text: string; below: number } {
    const values = (part === productsName ? this.#products : this.#buckets.get(part)) ?? new Map<string, Consumer | Product>();
    const sorted = [...values.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    const text = JSON.stringify(part === productsName ? { products: sorted } : { consumers: sorted });
    return { text, below: part === productsName ? 0 : sorted.length };
  }

  async #ownKeys(consumer: string, before: Consumer['keys'], after: Consumer['keys']): Promise<void> {
    const own = async (digest: string, owner: string | undefined) => {
      const owners = await this.#ownersIn(ownersOf(digest));
      if (owner === undefined) owners.delete(digest);
      else owners.set(digest, owner);
      this.#note({ kind: 'keyowners', name: ownersOf(digest) });
    };
    const [had, has] = [new Set(before.map(({ sha256 }) => sha256)), new Set(after.map(({ sha256 }) => sha256))];
    for (const digest of had) if (!has.has(digest)) await own(digest, undefined);
    for (const digest of has) if (!had.has(digest)) await own(digest, consumer);
  }

  async #bucket(name: string): Promise<Map<string, Consumer>> {
    await this.prefetch([documentOf(name)]);
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    const read = new Map(this.#value('consumers', name)?.consumers.map((one) => [one.name, one as Consumer]));
    this.#buckets.set(name, read);
    return read;
  }

  async #ownersIn(name: string): Promise<Map<string, string>> {
    await this.prefetch([{ kind: 'keyowners', name }]);
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const read = new Map(Object.entries(this.#value('keyowners', name)?.owners ?? {}));
    this.#owners.set(name, read);
    return read;
  }

  async #readProducts(): Promise<Map<string, Product>> {
    await this.prefetch([documentOf(productsName)]);
    this.#products ??= new Map(this.#value('products', productsName)?.products.map((one) => [one.name, one as Product]));
    return this.#products;
  }

  #value<K extends CallerKind>(kind: K, name: string): DocumentOf<K> | undefined {
    return this.#entries.get(idOf({ kind, name }))?.value as DocumentOf<K> | undefined;
  }

  #note(key: Key): void {
    this.changes++;
    this.#changed.set(idOf(key), key);
  }
}

function idOf({ kind, name }: Key): string {
  return `${kind} ${name}`;
}
