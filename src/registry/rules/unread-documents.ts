import type { Log } from '../../model/log.ts';
import { eachInTurns } from '../../model/pieces.ts';
import type { UnreadDocument } from '../../model/unread-document.ts';
import type { DocumentOf } from '../documents.ts';
import type { Key, Kind } from '../store.ts';

/** Kinds of which the last readable document stays in use while the present one cannot be read: traffic depends on them. */
const kept: readonly Kind[] = ['environment', 'server'];

/**
 * Remembers documents that this version cannot read, or not entirely, with the reason; and for environments and servers the last content
 * that it could read. Each reason is logged once.
 */
export class UnreadDocuments {
  readonly #log: Log;
  readonly #reasons = new Map<string, UnreadDocument>();
  readonly #lastRead = new Map<string, unknown>();

  constructor(logger: Log) {
    this.#log = logger;
  }

  /** Documents that cannot be read, sorted by kind and name. */
  get all(): UnreadDocument[] {
    return [...this.#reasons.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, document]) => document);
  }

  /** Records a document that was read; with `reason`, not entirely. */
  read<K extends Kind>(key: Key & { kind: K }, value: DocumentOf<K>, reason?: string): void {
    const id = idOf(key);
    if (kept.includes(key.kind)) this.#lastRead.set(id, value);
    if (reason !== undefined) this.fail(key, reason);
    else if (this.#reasons.delete(id)) this.#log.info({ kind: key.kind, name: key.name }, 'a document of the registry can be read again');
  }

  /** Records a document that cannot be read. */
  fail({ kind, name }: Key, reason: string): void {
    const id = idOf({ kind, name });
    if (this.#reasons.get(id)?.reason === reason) return;
    this.#reasons.set(id, { kind, name, reason });
    this.#log.error({ kind, name, reason }, 'a document of the registry cannot be used as it is');
  }

  /** Returns the last content of a document that could be read. */
  lastRead<K extends Kind>(key: Key & { kind: K }): DocumentOf<K> | undefined {
    return this.#lastRead.get(idOf(key)) as DocumentOf<K> | undefined;
  }

  /** Forgets a document that does not exist. */
  forget(key: Key): void {
    const id = idOf(key);
    this.#reasons.delete(id);
    this.#lastRead.delete(id);
  }

  /** Forgets all documents of a kind whose names begin with `prefix`, except those of these names; goes through thousands of them in turns. */
  retain(kind: Kind, names: ReadonlySet<string>, prefix = ''): Promise<void> {
    const start = idOf({ kind, name: '' });
    return eachInTurns([...this.#lastRead.keys(), ...this.#reasons.keys()], (id) => {
      const name = id.slice(start.length);
      if (id.startsWith(start) && name.startsWith(prefix) && !names.has(name)) this.forget({ kind, name });
    });
  }
}

function idOf({ kind, name }: Key): string {
  return `${kind} ${name}`;
}
