import type { Change, Kind, Reading, Store, Wanted } from '../../src/registry/store.ts';

/** Documents and characters of them that a registry reads from a store, and writes to it. */
export interface StoreCounts {
  readonly calls: number;
  readonly read: number;
  readonly charactersRead: number;
  readonly written: number;
  readonly charactersWritten: number;
}

/** A {@link Store} that counts what passes. */
export class CountedStore implements Store {
  readonly #store: Store;
  #counts = { calls: 0, read: 0, charactersRead: 0, written: 0, charactersWritten: 0 };

  constructor(store: Store) {
    this.#store = store;
  }

  /** Counts what passes during `work`. */
  async during(work: () => Promise<unknown>): Promise<StoreCounts> {
    this.#counts = { calls: 0, read: 0, charactersRead: 0, written: 0, charactersWritten: 0 };
    await work();
    return { ...this.#counts };
  }

  async read(wanted: readonly Wanted[]): Promise<Reading> {
    return this.#count(await this.#store.read(wanted));
  }

  async list(kind: Kind, prefix?: string): Promise<Reading> {
    return this.#count(await this.#store.list(kind, prefix));
  }

  async renew(id: string, instance: string): Promise<Reading | undefined> {
    const reading = await this.#store.renew(id, instance);
    return reading && this.#count(reading);
  }

  commit(change: Change): Promise<boolean> {
    const { put = [], remove = [], ...rest } = change;
    this.#counts.calls++;
    this.#counts.written += put.length + remove.length;
    this.#counts.charactersWritten += JSON.stringify({ put, remove, ...rest }).length;
    return this.#store.commit(change);
  }

  watch: Store['watch'] = (listener, server) => this.#store.watch(listener, server);

  probe(): Promise<void> {
    return this.#store.probe();
  }

  get link() {
    return this.#store.link;
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #count(reading: Reading): Reading {
    this.#counts.calls++;
    this.#counts.read += reading.documents.length;
    for (const { name, text } of reading.documents) this.#counts.charactersRead += name.length + text.length;
    return reading;
  }
}
