import type { Key, Kind, Stored } from '../store.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Characters of documents that are kept with what was read from them. */
const mostKept = 16 << 20;

interface Kept {
  readonly text: string;
  readonly checked: unknown;
  /** The document's number in the registry with this epoch. */
  revision: number;
  epoch: string | undefined;
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

  /** The content that was read from this very text; undefined if that is not kept. Costs less than {@link get}. */
  peek({ kind, name, text }: Stored): unknown {
    const kept = this.#kept.peek(`${kind} ${name}`);
    return kept?.text === text ? kept.checked : undefined;
  }

  /** The text of a document that is kept, with its number in the registry with this epoch; undefined: none is. */
  known({ kind, name }: Key, epoch: string | undefined): { readonly revision: number; readonly text: string } | undefined {
    const kept = this.#kept.get(`${kind} ${name}`);
    return kept !== undefined && kept.epoch !== undefined && kept.epoch === epoch ? kept : undefined;
  }

  /** Returns what `read` returned for this very text, or calls it. What it throws is not kept. @param epoch of the registry that has the document */
  get<Checked>({ kind, name, text, revision }: Stored, read: () => Checked, epoch?: string): Checked {
    const key = `${kind} ${name}`;
    const known = this.#kept.get(key);
    if (known?.text === text) {
      known.revision = revision;
      known.epoch = epoch;
      return known.checked as Checked;
    }
    const checked = read();
    this.#kept.put(key, { text, checked, revision, epoch }, text.length);
    return checked;
  }

  /** Drops a document that does not exist any more. */
  forget({ kind, name }: { readonly kind: Kind; readonly name: string }): void {
    this.#kept.drop(`${kind} ${name}`);
  }
}
