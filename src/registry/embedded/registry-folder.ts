import { randomUUID } from 'node:crypto';
import { SluiceError } from '../../model/fault.ts';
import type { Stored } from '../store.ts';
import { DataFile, type StoredRow } from './data-file.ts';
import { DocumentTable, type TableDraft } from './document-table.ts';
import { Journal } from './journal.ts';
import { RevisionFiles } from './revision-files.ts';

/** Octets that the journal may have in any case before the registry's file is written anew. */
const leastJournal = 1 << 20;

/**
 * An embedded registry in memory and on disk: a file with all documents, a journal with the changes since it was written, and a file for each
 * revision. A change is appended to the journal, after the revisions that it adds are on disk; once the journal is longer than the file, the file is
 * written anew. Therefore a change costs what it changes, and a start reads no revision.
 */
export class RegistryFolder {
  readonly table: DocumentTable;
  readonly #file: DataFile;
  readonly #journal: Journal;
  readonly #revisions: RevisionFiles;
  /** Revision numbers of the registry's file, and of the last change on disk. */
  #base: number;
  #durable: number;
  #limit = leastJournal;

  private constructor(parts: { table: DocumentTable; file: DataFile; journal: Journal; revisions: RevisionFiles; base: number }) {
    this.table = parts.table;
    this.#file = parts.file;
    this.#journal = parts.journal;
    this.#revisions = parts.revisions;
    this.#base = parts.base;
    this.#durable = parts.table.revision;
  }

  get path(): string {
    return this.#file.path;
  }

  /** Reads the folder. A registry whose file has the revisions themselves, as older versions wrote it, is rewritten once. */
  static async open(folder: string): Promise<RegistryFolder> {
    const [file, journal, revisions] = [new DataFile(folder), new Journal(folder), new RevisionFiles(folder)];
    const content = await file.read();
    const table = content ? DocumentTable.from(content) : new DocumentTable(randomUUID());
    const base = table.revision;
    for (const entry of await journal.read(table)) table.replay(entry);
    const opened = new RegistryFolder({ table, file, journal, revisions, base });
    const inline = table.all('revision').filter(({ text }) => !revisions.isReference(text));
    const references = await revisions.write(inline);
    for (const [index, stored] of inline.entries()) table.rewrite(stored, references[index] as string);
    if (!content || inline.length > 0) await opened.#writeFile(table.revision, table.rows());
    await revisions.retain(table.all('revision'));
    return opened;
  }

  /** Resolves when a draft is on disk. If it rejects, nothing has changed. */
  async save(draft: TableDraft): Promise<void> {
    const added = draft.put().filter(({ kind }) => kind === 'revision');
    const references = await this.#revisions.write(added);
    for (const [index, stored] of added.entries()) draft.rewrite(stored, references[index] as string);
    const { revision } = draft;
    const put = draft.put().map(rowOf);
    const removed = draft.removed().map(({ kind, name }) => [kind, name] as const);
    const change = { revision, after: this.#durable, put, removed };
    const base = { epoch: this.table.epoch, revision: this.#base };
    if (this.#journal.length > this.#limit || !(await this.#journal.append(base, change)))
      await this.#writeFile(revision, this.#rowsWith(draft));
    this.#durable = revision;
  }

  /** Takes a draft over into the table. Resolves when the files of removed revisions are removed. */
  adopt(draft: TableDraft): Promise<void> {
    const gone = draft.removed().filter(({ kind }) => kind === 'revision');
    this.table.adopt(draft);
    return this.#revisions.remove(gone);
  }

  /** Writes the registry's file anew if there is a journal. */
  async compact(): Promise<void> {
    if (this.#journal.length > 0) await this.#writeFile(this.table.revision, this.table.rows());
  }

  /** Reads the texts of revisions among these documents. One that is damaged is empty; one that was removed meanwhile is left out. */
  async withTexts(documents: readonly Stored[]): Promise<Stored[]> {
    if (!documents.some(({ kind }) => kind === 'revision')) return [...documents];
    try {
      return (await Promise.all(documents.map((stored) => this.#withText(stored)))).flatMap((stored) => stored ?? []);
    } catch (cause) {
      const message = `a file in ${this.#revisions.path} cannot be read: ${(cause as Error).message}`;
      throw new SluiceError('unavailable', message, { cause });
    }
  }

  /** Rejects if the folder cannot be written. */
  probe(): Promise<void> {
    return this.#file.probe();
  }

  async #withText(stored: Stored): Promise<Stored | undefined> {
    if (stored.kind !== 'revision') return stored;
    const text = await this.#revisions.read(stored.name, stored.text);
    if (text !== undefined) return { ...stored, text, verified: true };
    return this.table.get(stored)?.revision === stored.revision ? { ...stored, text: '' } : undefined;
  }

  async #writeFile(revision: number, rows: Iterable<StoredRow>): Promise<void> {
    const length = await this.#file.write({ epoch: this.table.epoch, revision }, rows);
    this.#limit = leastJournal + length;
    this.#base = this.#durable = revision;
    // If it stays, it is known to be older than the file.
    await this.#journal.remove().catch(() => {});
  }

  *#rowsWith(draft: TableDraft): Generator<StoredRow> {
    const changed = new Set([...draft.put(), ...draft.removed()].map(({ kind, name }) => `${kind} ${name}`));
    for (const document of this.table.rows()) if (!changed.has(`${document[0]} ${document[1]}`)) yield document;
    for (const stored of draft.put()) yield rowOf(stored);
  }
}

function rowOf({ kind, name, revision, text }: Stored): StoredRow {
  return [kind, name, revision, text];
}
