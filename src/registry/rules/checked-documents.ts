import type { Kind, Stored } from '../store.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Characters of documents that are kept with what was read from them. */
const mostKept = 16 << 20;

interface Kept {
  readonly text: string;
  readonly checked: unknown;
}

/**
 * Contents of the documents used last, so that a list of thousands of servers is not parsed and checked for every answer. A document is
 * found by its whole text, so that what is found is never stale. The texts are bounded in sum; the document used least recently gives way first.
 */
export class CheckedDocuments {
  /** By kind and name. */
  readonly #kept: RecentlyUsed<Kept>;

  constructor(most: number = mostKept) {
    this.#kept = new RecentlyUsed(most);
  }

  /** Characters of the texts that are kept. */
  get length(): number {
    return this.#kept.length;
  }

  /** True if {@link get} has what was read from this very text. */
  has({ kind, name, text }: Stored): boolean {
    return this.#kept.get(`${kind} ${name}`)?.text === text;
  }

  /** Returns what `read` returned for this very text, or calls it. What it throws is not kept. */
  get<Checked>({ kind, name, text }: Stored, read: () => Checked): Checked {
    const key = `${kind} ${name}`;
    const known = this.#kept.get(key);
    if (known?.text === text) return known.checked as Checked;
    const checked = read();
    this.#kept.put(key, { text, checked }, text.length);
    return checked;
  }

  /** Drops a document that does not exist any more. */
  forget({ kind, name }: { readonly kind: Kind; readonly name: string }): void {
    this.#kept.drop(`${kind} ${name}`);
  }
}
