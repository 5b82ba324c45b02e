import { CallerHashes } from '../../model/caller-hashes.ts';
import { type CallerPart, type CallersId, isBucket, productsName, rootName, textHash } from '../../model/caller-tree.ts';
import { eachInTurns } from '../../model/pieces.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import type { CallerCopy } from './caller-copy.ts';
import { type CallerNeeds, type CallersNeeded, neededPart } from './caller-needs.ts';

/** Views that are kept: one takes about a megabyte at most. */
const mostKept = 64;

/** Trees of the consumers and products that servers of one environment need. */
export class CallerViews {
  readonly #copy: CallerCopy;
  readonly #needed: CallersNeeded;
  /** By what they show, the view that was used last at the end. */
  readonly #views = new Map<string, CallerView>();

  constructor(copy: CallerCopy, needed: CallersNeeded) {
    this.#copy = copy;
    this.#needed = needed;
  }

  async id(environment: string): Promise<CallersId> {
    const { epoch, hash } = await this.#copy.latest();
    return hash === undefined ? { epoch } : { epoch, hash: (await this.#view(environment)).root };
  }

  async parts(wanted: readonly string[], environment: string): Promise<readonly CallerPart[]> {
    await this.#copy.latest();
    const view = await this.#view(environment);
    return wanted.flatMap((name) => {
      const text = view.text(name);
      return text === undefined ? [] : [{ name, text }];
    });
  }

  async #view(environment: string): Promise<CallerView> {
    const needs = await this.#needed.of(environment);
    const view = this.#views.get(needs.id) ?? new CallerView(this.#copy, needs);
    this.#views.delete(needs.id);
    this.#views.set(needs.id, view);
    const [oldest] = this.#views.keys();
    if (this.#views.size > mostKept && oldest !== undefined) this.#views.delete(oldest);
    await view.follow();
    return view;
  }
}

/** The tree for one kind of needs. It has hashes alone; texts are made when servers ask for them. */
class CallerView {
  readonly #copy: CallerCopy;
  readonly #needs: CallerNeeds;
  readonly #hashes = new CallerHashes();
  /** Hashes of the whole buckets that the tree was made from. */
  readonly #sources = new Map<string, string>();
  readonly #reads = new SharedReads(() => this.#follow());
  /** Hash of the root of the whole tree that this one was made from. */
  #followed: string | undefined;

  constructor(copy: CallerCopy, needs: CallerNeeds) {
    this.#copy = copy;
    this.#needs = needs;
    this.#hashes.put(productsName, [textHash(this.#products), 0]);
  }

  get root(): string {
    return this.#hashes.root;
  }

  /** Brings the tree up to date with the copy: each bucket that has changed is read. */
  async follow(): Promise<void> {
    const root = this.#copy.hashOf(rootName);
    if (root !== undefined && root === this.#followed) return;
    await this.#reads.now();
    this.#followed = root;
  }

  text(part: string): string | undefined {
    if (part === productsName) return this.#products;
    return isBucket(part) ? this.#bucket(part)?.text : this.#hashes.text(part);
  }

  get #products(): string {
    return JSON.stringify({ products: this.#needs.products });
  }

  async #follow(): Promise<void> {
    const gone = new Set(this.#sources.keys());
    await eachInTurns(this.#copy.buckets(), ([name, hash]) => {
      gone.delete(name);
      if (this.#sources.get(name) === hash) return;
      const bucket = this.#bucket(name);
      this.#hashes.put(name, bucket && [textHash(bucket.text), bucket.consumers]);
      this.#sources.set(name, hash);
    });
    for (const name of gone) {
      this.#sources.delete(name);
      this.#hashes.put(name, undefined);
    }
  }

  /** A bucket as servers get it; undefined if nobody in it is needed. */
  #bucket(name: string): { readonly text: string; readonly consumers: number } | undefined {
    const consumers = this.#copy.bucket(name).flatMap((one) => neededPart(one, this.#needs) ?? []);
    return consumers.length === 0 ? undefined : { text: JSON.stringify({ consumers }), consumers: consumers.length };
  }
}
