import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { check } from '../../config/check.ts';
import { describeFault } from '../../config/refusal.ts';
import type { Random } from '../../model/clock.ts';
import { environmentInPieces } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import { parsePieces } from '../../model/parse-pieces.ts';
import { eachInTurns, inTurns, type Pieces } from '../../model/pieces.ts';
import { projectInPieces } from '../../model/project.ts';
import { sortInTurns } from '../../model/sort-pieces.ts';
import { type DocumentOf, documentKeys, documentSchemas, noteCheckedSpec } from '../documents.ts';
import type { Change, Key, Kind, Reading, Store, Stored } from '../store.ts';
import { CheckedDocuments } from './checked-documents.ts';
import { UnreadDocuments } from './unread-documents.ts';

/** A document that may or may not exist. It can be passed to {@link Change.expect}, so that a change fails if the document changed since. */
export interface Entry<K extends Kind> extends Key {
  readonly kind: K;
  /** 0: the document does not exist. */
  readonly revision: number;
  readonly value?: DocumentOf<K>;
  readonly leaseRemaining: number;
  /** Keys of the document that this version does not know, with their values; a change of the document keeps them. */
  readonly unknown?: Readonly<Record<string, unknown>>;
  /** Why the present document cannot be read; `value` is then the last content that could be, and the document cannot be changed. */
  readonly stale?: string;
}

/** A document that exists, and can be read. */
type Present<K extends Kind> = Entry<K> & { readonly value: DocumentOf<K> };

/** A step's decision within a transaction: the result, and the change to commit, if one is needed. */
export interface Decision<T> {
  readonly result: T;
  readonly change?: Change;
}

/** Characters of a document from which it is checked in turns, or by another process. */
export const largeText = 16 * 1024;
/** Schema of a revision whose project has been checked. */
const revisionAround = documentSchemas.revision.extend({ project: z.unknown() });

const attempts = 40;
const longestPauseMs = 100;

/** Checked documents over a {@link Store}, and changes that are tried again when another process changed the same documents first. */
export class Ledger {
  readonly store: Store;
  readonly unread: UnreadDocuments;
  readonly #checked = new CheckedDocuments();
  /** Epoch of the latest reading. */
  #epoch: string | undefined;
  /** The latest list of each kind: what tells it from another one. */
  readonly #listed = new Map<Kind, string>();
  readonly log: Log;
  readonly #random: Random;
  /** The end of the latest transaction about each object. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(parts: { store: Store; logger: Log; random: Random }) {
    this.store = parts.store;
    this.unread = new UnreadDocuments(parts.logger);
    this.log = parts.logger;
    this.#random = parts.random;
  }

  async read(...keys: Key[]): Promise<CheckedReading> {
    return this.check(await this.#read(keys), ...keys);
  }

  /** Reads documents. Revisions, which never change, are in files, or elsewhere: the text of one that is kept is not read again. */
  async #read(keys: readonly Key[]): Promise<Reading> {
    const epoch = this.#epoch;
    const kept = keys.map((key) => (key.kind === 'revision' ? this.#checked.known(key, epoch) : undefined));
    if (kept.every((one) => one === undefined)) return this.store.read(keys);
    const reading = await this.store.read(keys.map((key, index) => ({ ...key, known: kept[index]?.revision })));
    // Numbers begin anew with another epoch.
    if (reading.epoch !== epoch) return this.store.read(keys);
    const texts = new Map(keys.map(({ name }, index) => [name, kept[index]]));
    const documents = reading.documents.map((stored) => {
      const known = stored.kind === 'revision' && stored.text === '' ? texts.get(stored.name) : undefined;
      return known?.revision === stored.revision ? { ...stored, text: known.text } : stored;
    });
    return { ...reading, documents };
  }

  /** Like {@link read}, for a reading of these keys that the store has given already, with all texts. */
  async check(reading: Reading, ...keys: Key[]): Promise<CheckedReading> {
    const present = new Set(reading.documents.map(({ kind, name }) => `${kind} ${name}`));
    for (const { kind, name } of keys) {
      if (present.has(`${kind} ${name}`)) continue;
      this.unread.forget({ kind, name });
      this.#checked.forget({ kind, name });
    }
    await this.#checkLarge(reading);
    return this.#reading(reading);
  }

  /** Checks large documents in turns of the event loop, for {@link CheckedReading.get}. Those with a fault are left to that. */
  async #checkLarge({ documents, epoch }: Reading): Promise<void> {
    for (const stored of documents) {
      if (stored.text.length < largeText || !(stored.kind in checkedInPieces) || this.#checked.has(stored)) continue;
      const content = await inTurns(largeContent(stored, checkedInPieces[stored.kind as keyof typeof checkedInPieces]));
      if (content !== undefined) this.#checked.get(stored, () => content, epoch);
    }
  }

  async list(kind: Kind, prefix = ''): Promise<CheckedReading> {
    const reading = await this.store.list(kind, prefix);
    await this.#forgetRemoved(kind, prefix, reading);
    await this.#checkLarge(reading);
    return this.#reading(reading);
  }

  /** Forgets documents that are not in a list, unless that has the same ones as the list before. */
  async #forgetRemoved(kind: Kind, prefix: string, { epoch, generation, documents }: Reading): Promise<void> {
    const state = `${epoch} ${generation} ${documents.length}`;
    if (prefix === '' && this.#listed.get(kind) === state) return;
    if (prefix === '') this.#listed.set(kind, state);
    await this.unread.retain(kind, new Set(documents.map(({ name }) => name)), prefix);
  }

  async renew(id: string, instance: string): Promise<CheckedReading | undefined> {
    const reading = await this.store.renew(id, instance);
    return reading && this.#reading(reading);
  }

  #reading(reading: Reading): CheckedReading {
    this.#epoch = reading.epoch;
    return new CheckedReading(reading, { logger: this.log, unread: this.unread, checked: this.#checked });
  }

  /**
   * Repeats `step` until the change that it decides on is committed. Rejects with `conflict` if other processes changed the same documents
   * first at every attempt.
   * @param object the environment that is changed: transactions of this process about the same one take turns, so that they do not make each
   * other try again
   */
  transact<T>(step: () => Promise<Decision<T>>, object?: string): Promise<T> {
    if (object === undefined) return this.#transact(step);
    const before = this.#turns.get(object);
    const turn = before === undefined ? this.#transact(step) : before.then(() => this.#transact(step));
    const ended = turn.then(
      () => {},
      () => {},
    );
    this.#turns.set(object, ended);
    void ended.then(() => {
      if (this.#turns.get(object) === ended) this.#turns.delete(object);
    });
    return turn;
  }

  async #transact<T>(step: () => Promise<Decision<T>>): Promise<T> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { result, change } = await step();
      if (change === undefined || (await this.store.commit(withUnknownKeys(change)))) return result;
      // Not the injected clock: its timers do not keep the process alive, which could then end in the middle of a change.
      await setTimeout(Math.min(longestPauseMs, 2 ** attempt) * this.#random());
    }
    throw new SluiceError('conflict', 'other processes kept changing the same documents: try again');
  }
}

/** A {@link Reading} whose documents are checked when they are accessed. */
export class CheckedReading {
  readonly epoch: string;
  readonly generation: number;
  readonly #documents: readonly Stored[];
  #byKey: Map<string, Stored> | undefined;
  readonly #log: Log;
  readonly #unread: UnreadDocuments;
  readonly #checked: CheckedDocuments;

  constructor(reading: Reading, parts: { logger: Log; unread: UnreadDocuments; checked: CheckedDocuments }) {
    this.epoch = reading.epoch;
    this.generation = reading.generation;
    this.#documents = reading.documents;
    this.#log = parts.logger;
    this.#unread = parts.unread;
    this.#checked = parts.checked;
  }

  /**
   * Returns a document; without a value if it does not exist. Of an environment or server that cannot be read it returns the last content
   * that could be (`stale`); throws `internal` if there is none, and for other kinds.
   */
  get<K extends Kind>(kind: K, name: string): Entry<K> {
    const stored = this.#find(kind, name);
    if (stored === undefined) return { kind, name, revision: 0, leaseRemaining: 0 };
    return this.#entry(kind, stored);
  }

  /** Like {@link get}, but logs a damaged document and returns it without a value, so that it can be replaced or removed. */
  replaceable<K extends Kind>(kind: K, name: string): Entry<K> {
    const stored = this.#find(kind, name);
    if (stored === undefined) return { kind, name, revision: 0, leaseRemaining: 0 };
    try {
      return entryOf(kind, stored, this.#checked, this.epoch);
    } catch (error) {
      this.#log.error({ err: error }, 'a damaged document in the registry is replaced');
      return { kind, name, revision: stored.revision, leaseRemaining: 0 };
    }
  }

  /** Returns all documents of a kind that {@link get} returns, sorted by name. */
  all<K extends Kind>(kind: K): Present<K>[] {
    return sorted(this.#documents.flatMap((stored) => this.#present(kind, stored)));
  }

  /**
   * Like {@link all}, in turns of the event loop: of kinds with thousands of documents, each of which is checked when it is read first. With `wanted` only
   * those of which that is true: of the others hardly anything is done.
   */
  async allInTurns<K extends Kind>(kind: K, wanted?: (value: DocumentOf<K>) => boolean): Promise<Present<K>[]> {
    const present: Present<K>[] = [];
    await eachInTurns(this.#documents, (stored) => {
      if (wanted !== undefined && this.#isKnownUnwanted(kind, stored, wanted)) return;
      for (const entry of this.#present(kind, stored)) if (wanted === undefined || wanted(entry.value)) present.push(entry);
    });
    return sortInTurns(present, byName);
  }

  /** True if this text was read before, and is not among those that are wanted. */
  #isKnownUnwanted<K extends Kind>(kind: K, stored: Stored, wanted: (value: DocumentOf<K>) => boolean): boolean {
    const known = stored.kind === kind ? (this.#checked.peek(stored) as Content<K> | undefined) : undefined;
    return known !== undefined && !wanted(known.value);
  }

  /** Names of documents of a kind that cannot be read, each with the reason. */
  damages(kind: Kind): { readonly name: string; readonly reason: string }[] {
    return this.#documents.flatMap((stored) => {
      const reason = stored.kind === kind ? damageOf(stored, this.#checked, this.epoch) : undefined;
      return reason === undefined ? [] : [{ name: stored.name, reason }];
    });
  }

  /** True if any document is damaged. */
  get damaged(): boolean {
    return this.#documents.some((stored) => damageOf(stored, this.#checked, this.epoch) !== undefined);
  }

  /** True if there is a document of that kind, damaged or not. */
  has(kind: Kind): boolean {
    return this.#documents.some((stored) => stored.kind === kind);
  }

  /** The document as an entry; nothing if it is of another kind, or cannot be read, which is logged and kept among the unread documents. */
  #present<K extends Kind>(kind: K, stored: Stored): Present<K>[] {
    if (stored.kind !== kind) return [];
    try {
      return [this.#entry(kind, stored)];
    } catch {
      return [];
    }
  }

  #find(kind: Kind, name: string): Stored | undefined {
    this.#byKey ??= new Map(this.#documents.map((stored) => [`${stored.kind} ${stored.name}`, stored]));
    return this.#byKey.get(`${kind} ${name}`);
  }

  #entry<K extends Kind>(kind: K, stored: Stored): Present<K> {
    const { name, revision, leaseRemaining = 0 } = stored;
    try {
      const entry = entryOf(kind, stored, this.#checked, this.epoch);
      this.#unread.read({ kind, name }, entry.value, notUnderstood(entry.value));
      return entry;
    } catch (error) {
      const stale = (error as SluiceError).message;
      this.#unread.fail({ kind, name }, stale);
      const value = this.#unread.lastRead({ kind, name });
      if (value === undefined) throw error;
      return { kind, name, revision, leaseRemaining, value, stale };
    }
  }
}

function sorted<One extends { readonly name: string }>(entries: One[]): One[] {
  return entries.sort(byName);
}

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}

/** Why a document is understood only in part; undefined if it is understood entirely. */
function notUnderstood(value: DocumentOf<Kind>): string | undefined {
  return 'unread' in value && typeof value.unread === 'string' ? value.unread : undefined;
}

/** Puts the keys that this version does not know back into each document. Throws `conflict` if a document cannot be read at present. */
function withUnknownKeys(change: Change): Change {
  const entries = new Map(change.expect.map((entry) => [`${entry.kind} ${entry.name}`, entry]));
  const entryFor = ({ kind, name }: Key): Partial<Entry<Kind>> | undefined => entries.get(`${kind} ${name}`);
  for (const key of [...(change.put ?? []), ...(change.remove ?? [])]) {
    const stale = entryFor(key)?.stale;
    if (stale !== undefined) throw new SluiceError('conflict', `nothing was changed: ${stale}`);
  }
  if (!change.put?.some((document) => entryFor(document)?.unknown)) return change;
  const put = change.put.map((document) => {
    const unknown = entryFor(document)?.unknown;
    return unknown ? { ...document, text: JSON.stringify({ ...unknown, ...JSON.parse(document.text) }) } : document;
  });
  return { ...change, put };
}

/** Content of a document, and its keys that this version does not know. */
type Content<K extends Kind> = { readonly value: DocumentOf<K>; readonly unknown?: Readonly<Record<string, unknown>> };

function entryOf<K extends Kind>(kind: K, stored: Stored, checked: CheckedDocuments, epoch: string): Present<K> {
  const { name, revision, leaseRemaining = 0 } = stored;
  return { kind, name, revision, leaseRemaining, ...checked.get(stored, () => contentOf(kind, stored), epoch) };
}

function contentOf<K extends Kind>(
  kind: K,
  stored: Stored,
  raw: unknown = parse(stored),
  schema: z.ZodType = documentSchemas[kind],
): Content<K> {
  const { value, faults } = check(raw, schema);
  if (faults)
    throw damaged(
      stored,
      faults
        .slice(0, 3)
        .map((fault) => describeFault(fault))
        .join('; '),
    );
  const unknown = Object.entries(raw as object).filter(([key]) => !documentKeys[kind].includes(key));
  return { value: value as DocumentOf<K>, ...(unknown.length > 0 && { unknown: Object.fromEntries(unknown) }) };
}

/** Why a document cannot be read; undefined if it can. */
function damageOf(stored: Stored, checked: CheckedDocuments, epoch: string): string | undefined {
  try {
    entryOf(stored.kind, stored, checked, epoch);
    return undefined;
  } catch (error) {
    return (error as SluiceError).message;
  }
}

/** Check the kinds of documents that may be large, in pieces; undefined: the document has a fault, or parts that this version does not know. */
const checkedInPieces = {
  *revision(stored: Stored, raw: { readonly project?: unknown }): Pieces<unknown> {
    const { success, data } = yield* projectInPieces(raw.project);
    return success ? unlessFaulty(() => contentOf('revision', stored, { ...raw, project: data }, revisionAround)) : undefined;
  },
  *environment(stored: Stored, raw: { readonly input?: unknown }): Pieces<unknown> {
    const { success, data } = yield* environmentInPieces(raw.input);
    if (!success) return undefined;
    noteCheckedSpec(raw.input as object, data);
    return unlessFaulty(() => contentOf('environment', stored, raw));
  },
};

/** Parses and checks a large document; undefined if it has a fault. */
function* largeContent(stored: Stored, checked: (stored: Stored, raw: object) => Pieces<unknown>): Pieces<unknown> {
  let raw: unknown;
  try {
    raw = yield* parsePieces(stored.text);
  } catch {
    return undefined;
  }
  return typeof raw === 'object' && raw !== null ? yield* checked(stored, raw) : undefined;
}

function unlessFaulty<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function parse(stored: Stored): unknown {
  try {
    return JSON.parse(stored.text);
  } catch (cause) {
    throw damaged(stored, 'it is not JSON', cause);
  }
}

function damaged(key: Key, reason: string, cause?: unknown): SluiceError {
  const what = `the registry's ${key.kind} document "${key.name}" is damaged or was written by a newer Sluice`;
  const message = `${what}: ${reason}. Update this Sluice, or restore the document from a backup, or remove it and create it again`;
  return new SluiceError('internal', message, { cause });
}
