import type { Change, Key, Kind, Stored } from '../store.ts';
import type { Content } from './data-file.ts';

/** Documents in memory, to which a {@link Change} is applied. */
export class DocumentTable {
  readonly epoch: string;
  /** Revision number of the latest change. */
  revision = 0;
  /** By kind, also by kinds that only a newer version knows. */
  readonly #documents: Map<string, Map<string, Stored>>;
  readonly #generations: Map<Kind, number>;

  constructor(epoch: string, from?: DocumentTable) {
    this.epoch = epoch;
    this.revision = from?.revision ?? 0;
    this.#documents = new Map([...(from ? from.#documents : [])].map(([kind, documents]) => [kind, new Map(documents)]));
    this.#generations = new Map(from ? from.#generations : []);
  }

  static from({ epoch, revision, documents }: Content): DocumentTable {
    const table = new DocumentTable(epoch);
    table.revision = revision;
    for (const [kind, name, number, value] of documents) {
      table.#of(kind).set(name, { kind: kind as Kind, name, revision: number, text: JSON.stringify(value) });
    }
    return table;
  }

  copy(): DocumentTable {
    return new DocumentTable(this.epoch, this);
  }

  get({ kind, name }: Key): Stored | undefined {
    return this.#of(kind).get(name);
  }

  all(kind: Kind): Stored[] {
    return [...this.#of(kind).values()];
  }

  generation(kind: Kind): number {
    return this.#generations.get(kind) ?? 0;
  }

  /** Applies a change. Returns false, without any effect, if an expectation does not hold. */
  apply({ epoch, expect, expectAll, put = [], remove = [] }: Change): boolean {
    if (epoch !== this.epoch) return false;
    if (expect.some((key) => (this.get(key)?.revision ?? 0) !== key.revision)) return false;
    if (expectAll && this.generation(expectAll.kind) !== expectAll.generation) return false;
    if (put.length + remove.length === 0) return true;
    this.revision++;
    for (const { kind, name, text } of put) this.#of(kind).set(name, { kind, name, revision: this.revision, text });
    for (const { kind, name } of remove) this.#of(kind).delete(name);
    for (const { kind } of [...put, ...remove]) this.#generations.set(kind, this.revision);
    return true;
  }

  /** All documents, in the form of {@link Content.documents}. */
  *rows(): Generator<[Kind, string, number, string]> {
    for (const documents of this.#documents.values()) {
      for (const { kind, name, revision, text } of documents.values()) yield [kind, name, revision, text];
    }
  }

  #of(kind: string): Map<string, Stored> {
    let documents = this.#documents.get(kind);
    if (documents === undefined) {
      documents = new Map();
      this.#documents.set(kind, documents);
    }
    return documents;
  }
}
