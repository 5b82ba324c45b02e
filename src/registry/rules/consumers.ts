import { bucketOf, productsName } from '../../model/caller-tree.ts';
import type { Clock } from '../../model/clock.ts';
import { type Consumer, type ConsumerKey, consumer as consumerSchema, consumerTag } from '../../model/consumer.ts';
import { SluiceError } from '../../model/fault.ts';
import { spreadOverTurns } from '../../model/pieces.ts';
import type { Conditional, ConsumerChange, ConsumerQuery, Consumers, CredentialChange, NewKey, PutConsumers } from '../contract.ts';
import type { Key } from '../store.ts';
import type { CallerBook } from './caller-book.ts';
import type { CallerCopy } from './caller-copy.ts';
import { type CallerDraft, documentOf, ownersOf } from './caller-draft.ts';
import { mustHaveProducts, noSuchProduct } from './products.ts';
import { mustSatisfy, valid } from './refusals.ts';

/** Rules for consumers, their keys and their subscriptions. */
export class ConsumerRules implements Omit<Consumers, 'products' | 'product' | 'putProduct' | 'deleteProduct' | 'catchUp' | 'onChange'> {
  readonly #book: CallerBook;
  readonly #copy: CallerCopy;
  readonly #clock: Clock;

  constructor(book: CallerBook, copy: CallerCopy, clock: Clock) {
    this.#book = book;
    this.#copy = copy;
    this.#clock = clock;
  }

  consumers(query?: ConsumerQuery): Promise<readonly Consumer[]> {
    return this.#copy.find(query);
  }

  consumer(name: string): Promise<Consumer | undefined> {
    return this.#book.read((draft) => draft.consumer(name));
  }

  putConsumer(name: string, change: ConsumerChange, options: Conditional & { create?: boolean } = {}) {
    return this.#book.change(keysOfChange(name, change), (draft) => this.#put(draft, name, change, options));
  }

  putConsumers(given: readonly (ConsumerChange & { readonly name: string })[]): Promise<PutConsumers> {
    const needed = given.flatMap((one) => keysOfChange(one.name, one));
    return this.#book.changeAlone(needed, async (draft) => {
      const counts = { created: 0, changed: 0, unchanged: 0 };
      const refused: { name: string; error: SluiceError }[] = [];
      for await (const { name, ...change } of spreadOverTurns(given)) {
        const before = draft.changes;
        try {
          const { created } = await this.#put(draft, name, change);
          counts[created ? 'created' : draft.changes === before ? 'unchanged' : 'changed']++;
        } catch (error) {
          // A refusal comes before the first change of the draft.
          if (!(error instanceof SluiceError) || draft.changes !== before) throw error;
          refused.push({ name, error });
        }
      }
      return { ...counts, refused };
    });
  }

  async #put(
    draft: CallerDraft,
    name: string,
    change: ConsumerChange,
    { expect, create }: Conditional & { create?: boolean } = {},
  ): Promise<{ consumer: Consumer; created: boolean }> {
    const before = await draft.consumer(name);
    mustSatisfy(`consumer "${name}"`, expect, before && consumerTag(before));
    if (create && before)
      throw new SluiceError('version-mismatch', `consumer "${name}" already exists: leave out if-none-match to change it`);
    const keys = change.keys ? completed(change.keys, before?.keys ?? [], 'sha256', 'keys') : (before?.keys ?? []);
    const passwords = change.passwords
      ? completed(change.passwords, before?.passwords ?? [], 'scrypt', 'passwords')
      : (before?.passwords ?? []);
    const products = change.products ? [...new Set(change.products)].sort() : (before?.products ?? []);
    const given = { ...before, name, createdAt: before?.createdAt ?? this.#clock.date(), keys, passwords, products };
    const next = valid(`consumer "${name}"`, consumerSchema, given) as Consumer;
    if (change.products) await mustHaveProducts(draft, products);
    await mustBeFree(draft, next);
    if (before === undefined || consumerTag(before) !== consumerTag(next)) await draft.put(next, before);
    return { consumer: next, created: before === undefined };
  }

  addKey(name: string, key: NewKey): Promise<Consumer> {
    return this.#book.change(keysOf(name, [key.sha256]), async (draft) => {
      const before = await existing(draft, name);
      if (before.keys.some(({ id }) => id === key.id))
        throw new SluiceError(
          'conflict',
          `consumer "${name}" has a key with the id "${key.id}" already: leave the id out, or take another`,
        );
      const next = valid(`consumer "${name}"`, consumerSchema, { ...before, keys: [...before.keys, key] }) as Consumer;
      await mustBeFree(draft, next);
      await draft.put(next, before);
      return next;
    });
  }

  removeKey(name: string, id: string): Promise<void> {
    return this.#book.change(keysOf(name), async (draft) => {
      const before = await existing(draft, name);
      const keys = before.keys.filter((key) => key.id !== id);
      if (keys.length === before.keys.length)
        throw new SluiceError('not-found', `consumer "${name}" has no key "${id}": see "sluice consumer show ${name}"`);
      await draft.put({ ...before, keys }, before);
    });
  }

  deleteConsumer(name: string, { expect }: Conditional = {}): Promise<void> {
    return this.#book.change(keysOf(name), async (draft) => {
      const before = await existing(draft, name);
      mustSatisfy(`consumer "${name}"`, expect, consumerTag(before));
      await draft.remove(before);
    });
  }

  subscribe(product: string, name: string): Promise<{ created: boolean }> {
    return this.#book.change([...keysOf(name), documentOf(productsName)], async (draft) => {
      if (!(await draft.products()).has(product)) throw await noSuchProduct(draft, product);
      const before = await existing(draft, name);
      if (before.products.includes(product)) return { created: false };
      const products = [...before.products, product].sort();
      const next = valid(`consumer "${name}"`, consumerSchema, { ...before, products }) as Consumer;
      await draft.put(next, before);
      return { created: true };
    });
  }

  unsubscribe(product: string, name: string): Promise<void> {
    return this.#book.change(keysOf(name), async (draft) => {
      const before = await existing(draft, name);
      const products = before.products.filter((one) => one !== product);
      if (products.length === before.products.length)
        throw new SluiceError('not-found', `consumer "${name}" has no subscription to product "${product}"`);
      await draft.put({ ...before, products }, before);
    });
  }
}

function keysOfChange(name: string, { keys = [], products }: ConsumerChange): Key[] {
  const digests = keys.flatMap(({ sha256 }) => sha256 ?? []);
  return [...keysOf(name, digests), ...(products ? [documentOf(productsName)] : [])];
}

/** The documents that a change of a consumer needs. */
function keysOf(name: string, digests: readonly string[] = []): Key[] {
  return [documentOf(bucketOf(name)), ...digests.map((digest) => ({ kind: 'keyowners' as const, name: ownersOf(digest) }))];
}

async function existing(draft: CallerDraft, name: string): Promise<Consumer> {
  const found = await draft.consumer(name);
  if (found === undefined) throw new SluiceError('not-found', `there is no consumer "${name}": see "sluice consumer list"`);
  return found;
}

/** Throws `conflict` if one of the keys identifies another consumer, or one of this consumer's keys has the digest of another or the same id. */
async function mustBeFree(draft: CallerDraft, { name, keys, passwords }: Consumer): Promise<void> {
  for (const [what, list] of Object.entries({ keys, passwords })) {
    const ids = new Set(list.map(({ id }) => id));
    if (ids.size < list.length) throw new SluiceError('conflict', `${what} of consumer "${name}" have the same id: give each one its own`);
  }
  const seen = new Map<string, string>();
  for (const { id, sha256 } of keys) {
    const twin = seen.get(sha256);
    if (twin !== undefined) throw new SluiceError('conflict', `keys "${twin}" and "${id}" of consumer "${name}" are the same key`);
    seen.set(sha256, id);
    const owner = await draft.ownerOf(sha256);
    if (owner !== undefined && owner !== name)
      throw new SluiceError('conflict', `key "${id}" is a key of consumer "${owner}" already: a key identifies one consumer`);
  }
}

/** Credentials as they were given; the secret of one that exists may be left out, and then stays. */
function completed<
  Field extends 'sha256' | 'scrypt',
  Known extends Pick<ConsumerKey, 'id' | 'expires'> & { readonly [F in Field]: string },
>(given: readonly CredentialChange<Field>[], known: readonly Known[], field: Field, what: string): object[] {
  return given.map((one, index) => {
    const before = known.find(({ id }) => id === one.id);
    const secret = one[field] ?? before?.[field];
    if (secret === undefined) {
      const message = `needs ${field}: there is no credential with the id "${one.id}", whose ${field} could stay`;
      throw new SluiceError('invalid', `${what}.${index} ${message}`, { faults: [{ path: `${what}.${index}.${field}`, message }] });
    }
    const { expires: _, ...rest } = before ?? {};
    return { ...rest, ...one, [field]: secret };
  });
}
