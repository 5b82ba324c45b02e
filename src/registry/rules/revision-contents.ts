import { sha256 } from '../../model/content-hash.ts';
import { SluiceError } from '../../model/fault.ts';
import { mostRevisionsAsked, type RevisionContent, type RevisionId } from '../../model/manifest.ts';
import { revisionName } from '../documents.ts';
import type { Stored } from '../store.ts';
import type { Ledger } from './ledger.ts';
import { lostRevision } from './snapshots.ts';

/** Characters of contents that are remembered, and that one answer has at most unless one revision alone has more. */
const mostRemembered = 32 << 20;
const mostAnswered = 4 << 20;

interface Remembered {
  readonly content: RevisionContent;
  readonly size: number;
}

/**
 * Reads contents of revisions for servers, as they were written: their hash is then that of what arrives. The latest are remembered, since after
 * a deploy every server asks for the same.
 */
export class RevisionContents {
  readonly #ledger: Ledger;
  /** By name, number and hash; the least recently used first. */
  readonly #remembered = new Map<string, Remembered>();
  #size = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Resolves to the contents of the first of these revisions, at least one, in their order. */
  async read(wanted: readonly RevisionId[]): Promise<RevisionContent[]> {
    if (wanted.length > mostRevisionsAsked)
      throw new SluiceError('invalid', `more than ${mostRevisionsAsked} revisions are asked for: ask for fewer`);
    const unknown = wanted.filter((one) => this.#recall(one) === undefined);
    const documents = new Map<string, Stored>();
    if (unknown.length > 0) {
      const keys = unknown.map(({ name, revision }) => ({ kind: 'revision', name: revisionName(name, revision) }) as const);
      for (const stored of (await this.#ledger.store.read(keys)).documents) documents.set(stored.name, stored);
    }
    const contents: RevisionContent[] = [];
    let size = 0;
    for (const one of wanted) {
      const stored = documents.get(revisionName(one.name, one.revision));
      const next = this.#recall(one) ?? remembered(one, stored);
      size += next.size;
      if (size > mostAnswered && contents.length > 0) break;
      this.#remember(one, next);
      contents.push(next.content);
    }
    return contents;
  }

  #recall({ name, revision, hash }: RevisionId): Remembered | undefined {
    return hash === undefined ? undefined : this.#remembered.get(`${revisionName(name, revision)} ${hash}`);
  }

  #remember({ name, revision, hash }: RevisionId, one: Remembered): void {
    if (hash === undefined || one.content.hash !== hash) return;
    const id = `${revisionName(name, revision)} ${hash}`;
    if (!this.#remembered.delete(id)) this.#size += one.size;
    this.#remembered.set(id, one);
    for (const [oldest, { size }] of this.#remembered) {
      if (this.#size <= mostRemembered) break;
      this.#remembered.delete(oldest);
      this.#size -= size;
    }
  }
}

function remembered({ name, revision }: RevisionId, stored: Stored | undefined): Remembered {
  if (stored === undefined) return { content: { name, revision, fault: lostRevision }, size: 0 };
  try {
    const { project, hash } = JSON.parse(stored.text) as { project: unknown; hash: unknown };
    return { content: { name, revision, hash: sha256.parse(hash), project }, size: stored.text.length };
  } catch {
    const fault = `the registry's revision document "${stored.name}" is damaged: push the project and deploy it again, or restore the document`;
    return { content: { name, revision, fault }, size: 0 };
  }
}
