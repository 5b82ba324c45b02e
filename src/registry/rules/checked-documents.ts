import type { Kind, Stored } from '../store.ts';

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
  readonly #most: number;
  /** By kind and name, the one used least recently first. */
  readonly #kept = new Map<string, Kept>();
  #length = 0;

  constructor(most: number = mostKept) {
    this.#most = most;
  }

  /** Characters of the texts that are kept. */
  get length(): number {
    return this.#length;
  }

  /** True if {@link get} has what was read from this very text. */
  has({ kind, name, text }: Stored): boolean {
    return this.#kept.get(`${kind} ${name}`)?.text === text;
  }

  /** Returns what `read` returned for this very text, or calls it. What it throws is not kept. */
  get<Checked>({ kind, name, text }: Stored, read: () => Checked): Checked {
    const key = `${kind} ${name}`;
    const known = this.#kept.get(key);
    if (known?.text === text) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.checked as Checked;
    }
    const checked = read();
    this.#drop(key);
    if (text.length > this.#most) return checked;
    this.#kept.set(key, { text, checked });
    this.#length += text.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#length <= this.#most) break;
      this.#drop(oldest);
    }
    return checked;
  }

  /** Drops a document that does not exist any more. */
  forget({ kind, name }: { readonly kind: Kind; readonly name: string }): void {
    this.#drop(`${kind} ${name}`);
  }

  #drop(key: string): void {
    this.#length -= this.#kept.get(key)?.text.length ?? 0;
    this.#kept.delete(key);
  }
}
