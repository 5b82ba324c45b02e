import { productsName } from '../../model/caller-tree.ts';
import { SluiceError } from '../../model/fault.ts';
import { mostProducts, type Product, product as productSchema, productTag } from '../../model/product.ts';
import type { Conditional, Consumers } from '../contract.ts';
import type { CallerBook } from './caller-book.ts';
import type { CallerCopy } from './caller-copy.ts';
import { type CallerDraft, documentOf, headName } from './caller-draft.ts';
import { mustSatisfy, notAmong, valid } from './refusals.ts';

const needed = [documentOf(productsName)];

/** Rules for products. */
export class ProductRules implements Pick<Consumers, 'products' | 'product' | 'putProduct' | 'deleteProduct'> {
  readonly #book: CallerBook;
  readonly #copy: CallerCopy;

  constructor(book: CallerBook, copy: CallerCopy) {
    this.#book = book;
    this.#copy = copy;
  }

  products(): Promise<readonly Product[]> {
    return this.#book.read(async (draft) => [...(await draft.products()).values()]);
  }

  product(name: string): Promise<Product | undefined> {
    return this.#book.read(async (draft) => (await draft.products()).get(name));
  }

  async putProduct(name: string, spec: Omit<Product, 'name'>, { expect, create }: Conditional & { create?: boolean } = {}) {
    const projects = [...new Set(spec.projects as readonly string[])].sort();
    const next = valid(`product "${name}"`, productSchema, { ...spec, name, projects }) as Product;
    return this.#book.change(needed, async (draft) => {
      const products = await draft.products();
      const before = products.get(name);
      mustSatisfy(`product "${name}"`, expect, before && productTag(before));
      if (create && before)
        throw new SluiceError('version-mismatch', `product "${name}" already exists: leave out if-none-match to replace it`);
      if (before === undefined && products.size >= mostProducts)
        throw new SluiceError('conflict', `there are ${mostProducts} products, which is the most: delete one first`);
      if (before === undefined || productTag(before) !== productTag(next)) await draft.putProduct(next);
      return { product: next, created: before === undefined };
    });
  }

  /** The head is read before the subscribers: a subscription that is made meanwhile changes it, and the deletion is tried again. */
  async deleteProduct(name: string, { expect, force = false }: Conditional & { force?: boolean } = {}): Promise<void> {
    await this.#book.changeAlone([...needed, { kind: 'callers', name: headName }], async (draft) => {
      const products = await draft.products();
      const before = products.get(name);
      if (before === undefined) throw await noSuchProduct(draft, name);
      mustSatisfy(`product "${name}"`, expect, productTag(before));
      const subscribers = await this.#copy.find({ product: name });
      if (subscribers.length > 0 && !force) {
        const who = `${subscribers.length === 1 ? 'consumer' : `${subscribers.length} consumers, one of them`} "${subscribers[0]?.name}"`;
        throw new SluiceError('in-use', `product "${name}" has a subscription of ${who}: unsubscribe first, or delete it with force`);
      }
      for (const { name: consumer } of subscribers) {
        const found = await draft.consumer(consumer);
        if (found) await draft.put({ ...found, products: found.products.filter((one) => one !== name) }, found);
      }
      await draft.removeProduct(name);
    });
  }
}

/** Throws `not-found` if one of the products does not exist. */
export async function mustHaveProducts(draft: CallerDraft, names: readonly string[]): Promise<void> {
  const products = await draft.products();
  for (const name of names) if (!products.has(name)) throw await noSuchProduct(draft, name);
}

export async function noSuchProduct(draft: CallerDraft, name: string): Promise<SluiceError> {
  return notAmong(`there is no product "${name}"`, [...(await draft.products()).keys()]);
}
