import {
  type CallerPart,
  type CallersId,
  consumerBucket,
  isBucket,
  productList,
  productsName,
  rootName,
  textHash,
} from '../../model/caller-tree.ts';
import type { Consumer } from '../../model/consumer.ts';
import { eachInTurns } from '../../model/pieces.ts';
import type { Product } from '../../model/product.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import { CallerFollower } from '../caller-follower.ts';
import type { CallerChange, ConsumerQuery, LostCallers } from '../contract.ts';
import { documentOf, headName } from './caller-draft.ts';
import type { Ledger } from './ledger.ts';
import { SortedNames } from './sorted-names.ts';

/** A node whose document is missing. */
const emptyNode = '{"children":{}}';

/**
 * All consumers and products in the memory of this process, as text: what gateway servers of one environment get is made from it, consumers are searched
 * in it, and it is offered to a registry that has lost its data. It is read at the first use; from then on, each use reads what has changed.
 */
export class CallerCopy {
  readonly #ledger: Ledger;
  readonly #texts = new Map<string, string>();
  readonly #follower: CallerFollower;
  readonly #names = new SortedNames();
  /** Names of the subscribers of each product. */
  readonly #subscribers = new Map<string, Set<string>>();
  readonly #reads = new SharedReads(() => this.#read());
  readonly #listeners: ((changes: readonly CallerChange[]) => void)[] = [];
  #changes: CallerChange[] = [];
  /** False until everything was read once: before that nothing counts as changed. */
  #telling = false;
  #epoch = '';
  #lost: LostCallers | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#follower = new CallerFollower({
      ask: (wanted) => this.#ask(wanted),
      take: (name, text) => this.#take(name, text),
      drop: (name) => this.#drop(name),
    });
  }

  /** Brings the copy up to date. Resolves to the identity of all callers as it was at a time after the call. */
  latest(): Promise<CallersId> {
    return this.#reads.now();
  }

  /** Consumers and products of a registry that has lost its data since; undefined: it has lost nothing. */
  get lost(): LostCallers | undefined {
    return this.#lost;
  }

  /** Forgets what was lost: it was restored, or must not be. */
  settle(lost: LostCallers): void {
    if (this.#lost === lost) this.#lost = undefined;
  }

  /** From now on, tells what changed between two readings. */
  onChange(listener: (changes: readonly CallerChange[]) => void): void {
    this.#listeners.push(listener);
  }

  /** Names of the buckets that are not empty, with the hashes of their texts. */
  *buckets(): Generator<readonly [name: string, hash: string]> {
    for (const name of this.#texts.keys()) if (isBucket(name)) yield [name, this.#follower.hashes.get(name) ?? ''];
  }

  /** Consumers of a bucket, sorted by name. */
  bucket(name: string): readonly Consumer[] {
    return consumersIn(this.#texts.get(name));
  }

  get products(): readonly Product[] {
    return productsIn(this.#texts.get(productsName));
  }

  /** Hash of a part of the tree; undefined if there is none, or not everything below it is here. */
  hashOf(part: string): string | undefined {
    return this.#follower.hashes.get(part);
  }

  /** Reads the consumers that match, sorted by name; the one whose name is exactly the text comes first. */
  async find({ search = '', product, limit = Number.POSITIVE_INFINITY }: ConsumerQuery = {}): Promise<readonly Consumer[]> {
    await this.latest();
    const wanted = search.toLowerCase();
    const subscribed = product === undefined ? undefined : (this.#subscribers.get(product) ?? new Set<string>());
    const names: string[] = [];
    let exact = false;
    await eachInTurns(await this.#names.all(), (name) => {
      if (subscribed?.has(name) === false || !name.toLowerCase().includes(wanted)) return;
      if (name === search) exact = true;
      else if (names.length < limit) names.push(name);
    });
    const buckets = new Map<string, Map<string, Consumer>>();
    const found: Consumer[] = [];
    await eachInTurns(exact ? [search, ...names].slice(0, limit) : names, (name) => {
      const bucket = textHash(name).slice(0, 3);
      const read = buckets.get(bucket) ?? new Map(this.bucket(bucket).map((one) => [one.name, one]));
      buckets.set(bucket, read);
      const consumer = read.get(name);
      if (consumer !== undefined) found.push(consumer);
    });
    return found;
  }

  async #read(): Promise<CallersId> {
    const head = { kind: 'callers', name: headName } as const;
    const now = await this.#ledger.read(head);
    const hash = now.get('callers', headName).value?.children[rootName]?.[0];
    if (this.#epoch !== now.epoch) this.#begin(now.epoch);
    if (hash !== undefined) await this.#follower.follow(hash);
    // Without a head: the registry is empty, or Redis has evicted the tree but not the consumers.
    else if (this.#texts.size === 0) await this.#readLoose();
    const changes = this.#changes;
    this.#changes = [];
    // Restored consumers are no changes.
    this.#telling = this.#listeners.length > 0 && this.#lost === undefined;
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
    return { epoch: now.epoch, ...(hash !== undefined && { hash }) };
  }

  /** Begins with the data of another epoch. What was known of the last one is lost there. */
  #begin(epoch: string): void {
    if (this.#texts.size > 0) {
      const parts = [...this.#texts].map(([name, text]): CallerPart => ({ name, text }));
      // Of two losses in a row the first one counts: it has everything.
      this.#lost ??= { epoch: this.#epoch, parts };
      for (const name of [...this.#texts.keys()]) this.#drop(name);
      // Not a change that an operator made.
      this.#changes = [];
      this.#telling = false;
    }
    this.#follower.hashes.clear();
    this.#epoch = epoch;
  }

  async #readLoose(): Promise<void> {
    const { documents } = await this.#ledger.store.list('consumers');
    const lists = await this.#ledger.store.list('products');
    await eachInTurns([...documents, ...lists.documents], ({ name, text }) => {
      if (this.#take(name, text)) this.#follower.hashes.set(name, textHash(text));
    });
  }

  async #ask(wanted: readonly string[]): Promise<readonly CallerPart[]> {
    const keys = wanted.map(documentOf);
    const { documents } = await this.#ledger.store.read(keys);
    const found = new Map(documents.map(({ kind, name, text }) => [`${kind} ${name}`, text]));
    return wanted.map((name, index) => {
      const key = keys[index];
      return { name, text: found.get(`${key?.kind} ${key?.name}`) ?? (key?.kind === 'callers' ? emptyNode : '') };
    });
  }

  /** Takes a bucket or the products; a damaged one is named among the unread documents, and what was known before stays. */
  #take(name: string, text: string): boolean {
    const key = documentOf(name);
    try {
      if (isBucket(name)) this.#noteConsumers(consumersIn(this.#texts.get(name)), checked(consumerBucket, text, consumersIn));
      else this.#noteProducts(productsIn(this.#texts.get(name)), checked(productList, text, productsIn));
    } catch (error) {
      this.#ledger.unread.fail(key, (error as Error).message.slice(0, 200));
      return false;
    }
    this.#ledger.unread.forget(key);
    this.#texts.set(name, text);
    return true;
  }

  #drop(name: string): void {
    const text = this.#texts.get(name);
    if (isBucket(name)) this.#noteConsumers(consumersIn(text), []);
    else this.#noteProducts(productsIn(text), []);
    this.#texts.delete(name);
  }

  #noteConsumers(before: readonly Consumer[], after: readonly Consumer[]): void {
    for (const { name, one, other } of differing(before, after)) {
      for (const product of one?.products ?? []) this.#subscribers.get(product)?.delete(name);
      for (const product of other?.products ?? []) {
        const names = this.#subscribers.get(product) ?? new Set<string>();
        this.#subscribers.set(product, names.add(name));
      }
      if (one === undefined) this.#names.add(name);
      else if (other === undefined) this.#names.remove(name);
      if (this.#telling) this.#changes.push({ kind: 'consumer', name, ...(one && { before: one }), ...(other && { after: other }) });
    }
  }

  #noteProducts(before: readonly Product[], after: readonly Product[]): void {
    for (const { name, one, other } of differing(before, after)) {
      if (other === undefined && this.#subscribers.get(name)?.size === 0) this.#subscribers.delete(name);
      if (this.#telling) this.#changes.push({ kind: 'product', name, ...(one && { before: one }), ...(other && { after: other }) });
    }
  }
}

/** Parses a text that was checked when it was taken. */
function consumersIn(text: string | undefined): readonly Consumer[] {
  return text === undefined ? [] : (JSON.parse(text) as { consumers: readonly Consumer[] }).consumers;
}

function productsIn(text: string | undefined): readonly Product[] {
  return text === undefined ? [] : (JSON.parse(text) as { products: readonly Product[] }).products;
}

/** Checks a text, and reads it as it will be read again: with its keys in the same order. */
function checked<One>(schema: { parse(value: unknown): unknown }, text: string, read: (text: string) => readonly One[]): readonly One[] {
  if (text === '') throw new Error('the registry has lost it');
  schema.parse(JSON.parse(text));
  return read(text);
}

/** Objects of two lists, by name, that are not the same in both. */
function* differing<One extends { readonly name: string }>(
  before: readonly One[],
  after: readonly One[],
): Generator<{ readonly name: string; readonly one?: One | undefined; readonly other?: One | undefined }> {
  const earlier = new Map(before.map((one) => [one.name, one]));
  for (const other of after) {
    const one = earlier.get(other.name);
    earlier.delete(other.name);
    if (one === undefined || JSON.stringify(one) !== JSON.stringify(other)) yield { name: other.name, one, other };
  }
  for (const [name, one] of earlier) yield { name, one };
}
