import type { Change, Key, Kind, Stored } from '../store.ts';
import type { Content, StoredRow } from './data-file.ts';
import type { JournalEntry } from './journal.ts';

type Documents = Map<string, Map<string, Stored>>;

/** Documents in memory, to which a {@link Change} is applied. */
export class DocumentTable {
  readonly epoch: string;
  /** Revision number of the latest change. */
  revision = 0;
  /** By kind, also by kinds that only a newer version knows. */
  readonly #documents: Documents = new Map();
  readonly #generations = new Map<Kind, number>();

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  static from({ epoch, revision, documents }: Content): DocumentTable {
    const table = new DocumentTable(epoch);
    table.revision = revision;
    for (const [kind, name, number, value] of documents) table.#put(kind, name, number, JSON.stringify(value));
    return table;
  }

  /** Applies changes that were read from disk. */
  replay({ revision, put, removed }: JournalEntry): void {
    this.revision = revision;
    for (const [kind, name] of removed) this.#documents.get(kind)?.delete(name);
    for (const [kind, name, number, value] of put) this.#put(kind, name, number, JSON.stringify(value));
  }

  get({ kind, name }: Key): Stored | undefined {
    return this.#documents.get(kind)?.get(name);
  }

  all(kind: Kind): Stored[] {
    return [...(this.#documents.get(kind)?.values() ?? [])];
  }

  generation(kind: Kind): number {
    return this.#generations.get(kind) ?? 0;
  }

  /** Puts a text in the place of a document's. */
  rewrite(stored: Stored, text: string): void {
    this.#put(stored.kind, stored.name, stored.revision, text);
  }

  /** Takes over changes from a draft over this table. */
  adopt(draft: TableDraft): void {
    this.revision = draft.revision;
    for (const { kind, name } of draft.removed()) this.#documents.get(kind)?.delete(name);
    for (const { kind, name, revision, text } of draft.put()) this.#put(kind, name, revision, text);
    for (const [kind, generation] of draft.generations) this.#generations.set(kind, generation);
  }

  /** All documents, as they are written. */
  *rows(): Generator<StoredRow> {
    for (const documents of this.#documents.values()) {
      for (const { kind, name, revision, text } of documents.values()) yield [kind, name, revision, text];
    }
  }

  #put(kind: string, name: string, revision: number, text: string): void {
    let documents = this.#documents.get(kind);
    if (documents === undefined) {
      documents = new Map();
      this.#documents.set(kind, documents);
    }
    documents.set(name, { kind: kind as Kind, name, revision, text });
  }
}

/** Changes over a {@link DocumentTable} that readers do not see yet. Their cost does not depend on the table's size. */
export class TableDraft {
  readonly #table: DocumentTable;
  /** By kind and name; null: removed. */
  readonly #changed = new Map<string, Key & { readonly document: Stored | null }>();
  readonly generations = new Map<Kind, number>();
  revision: number;

  constructor(table: DocumentTable) {
    this.#table = table;
    this.revision = table.revision;
  }

  /** Applies a change. Returns false, without any effect, if an expectation does not hold. */
  apply({ epoch, expect, expectAll, put = [], remove = [] }: Change): boolean {
    if (epoch !== this.#table.epoch) return false;
    if (expect.some((key) => (this.#get(key)?.revision ?? 0) !== key.revision)) return false;
    if (expectAll && (this.generations.get(expectAll.kind) ?? this.#table.generation(expectAll.kind)) !== expectAll.generation)
      return false;
    if (put.length + remove.length === 0) return true;
    this.revision++;
    for (const { kind, name, text } of put)
      this.#changed.set(idOf({ kind, name }), { kind, name, document: { kind, name, revision: this.revision, text } });
    for (const { kind, name } of remove) this.#changed.set(idOf({ kind, name }), { kind, name, document: null });
    for (const { kind } of [...put, ...remove]) this.generations.set(kind, this.revision);
    return true;
  }

  /** Documents that are put. */
  put(): Stored[] {
    return [...this.#changed.values()].flatMap(({ document }) => document ?? []);
  }

  /** Documents that are removed, and exist. */
  removed(): Stored[] {
    return [...this.#changed.values()].flatMap(({ kind, name, document }) =>
      document === null ? (this.#table.get({ kind, name }) ?? []) : [],
    );
  }

  /** Puts a text in the place of a document's that is put. */
  rewrite(stored: Stored, text: string): void {
    this.#changed.set(idOf(stored), { kind: stored.kind, name: stored.name, document: { ...stored, text } });
  }

  #get(key: Key): Stored | undefined {
    const changed = this.#changed.get(idOf(key));
    return changed === undefined ? this.#table.get(key) : (changed.document ?? undefined);
  }
}

function idOf({ kind, name }: Key): string {
  return `${kind} ${name}`;
}
