import { bucketOf, type CallerPart, consumerBucket, isBucket, productList, productsName } from '../../model/caller-tree.ts';
import type { Consumer } from '../../model/consumer.ts';
import { eachInTurns } from '../../model/pieces.ts';
import type { Product } from '../../model/product.ts';
import type { LostCallers } from '../contract.ts';
import type { CallerCopy } from './caller-copy.ts';
import { CallerDraft, documentOf, ownersOf } from './caller-draft.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';

/** Buckets that are written in one step. */
const bucketsAtOnce = 32;

/**
 * Rules for the restoration of consumers and products after the registry lost its data. They are written without the tree above them, which is made last:
 * until then gateway servers find no tree, and keep what they know.
 */
export class CallerRestoration {
  readonly #ledger: Ledger;
  readonly #copy: CallerCopy;
  #running: Promise<void> | undefined;

  constructor(ledger: Ledger, copy: CallerCopy) {
    this.#ledger = ledger;
    this.#copy = copy;
  }

  /** Restores what the copy of this process knew, if the registry has lost it. A restoration that fails is tried again by the next call. */
  async recover(): Promise<void> {
    const { lost } = this.#copy;
    if (lost !== undefined) this.#running ??= this.#recover(lost).finally(() => (this.#running = undefined));
    await this.#running;
  }

  async #recover(lost: LostCallers): Promise<void> {
    const { log } = this.#ledger;
    if (await this.restore(lost)) log.error({}, 'the registry had lost its consumers and products: those known here were written back');
    this.#copy.settle(lost);
  }

  async restore({ epoch, parts }: LostCallers): Promise<boolean> {
    const draft = new CallerDraft(this.#ledger);
    if ((await draft.restored()) === epoch || draft.epoch === epoch) return false;
    const present = draft.epoch;
    const products = parts.filter(({ name }) => name === productsName);
    const buckets = parts.filter(({ name }) => isBucket(name));
    const steps = [() => this.#putProducts(products, epoch, present)];
    for (let start = 0; start < buckets.length; start += bucketsAtOnce)
      steps.push(() => this.#putConsumers(buckets.slice(start, start + bucketsAtOnce), epoch, present));
    for (const step of steps) if (!(await step())) return false;
    return this.#step(epoch, present, async (whole) => whole.wholeTree(epoch));
  }

  #putProducts(lists: readonly CallerPart[], epoch: string, present: string): Promise<boolean> {
    const lost = lists.flatMap(({ text }) => valid('the products', productList, JSON.parse(text)).products as Product[]);
    return this.#step(epoch, present, async (draft) => {
      const known = await draft.products();
      for (const product of lost) if (!known.has(product.name)) await draft.putProduct(product);
      return draft.changeUnder();
    });
  }

  async #putConsumers(buckets: readonly CallerPart[], epoch: string, present: string): Promise<boolean> {
    const lost: Consumer[] = [];
    await eachInTurns(
      buckets,
      ({ text }) => void lost.push(...(valid('the consumers', consumerBucket, JSON.parse(text)).consumers as Consumer[])),
    );
    return this.#step(epoch, present, async (draft) => {
      await draft.prefetch(
        lost.flatMap(({ name, keys }) => [
          documentOf(bucketOf(name)),
          ...keys.map(({ sha256 }) => ({ kind: 'keyowners' as const, name: ownersOf(sha256) })),
        ]),
      );
      for (const one of lost) {
        if ((await draft.consumer(one.name)) !== undefined) continue;
        // A key that was given to another consumer since then stays with that one.
        const owners = await Promise.all(one.keys.map(({ sha256 }) => draft.ownerOf(sha256)));
        const keys = one.keys.filter((_, index) => owners[index] === undefined || owners[index] === one.name);
        await draft.put({ ...one, keys }, undefined);
      }
      return draft.changeUnder();
    });
  }

  /** Makes a change, unless the data was replaced again or another process has finished the restoration: then resolves to false. */
  #step(epoch: string, present: string, change: (draft: CallerDraft) => ReturnType<CallerDraft['change']>): Promise<boolean> {
    return this.#ledger.transact<boolean>(async () => {
      const draft = new CallerDraft(this.#ledger);
      if ((await draft.restored()) === epoch || draft.epoch !== present) return { result: false };
      const made = await change(draft);
      return { result: true, ...(made && { change: made }) };
    });
  }
}
