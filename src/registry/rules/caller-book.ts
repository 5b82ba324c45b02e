import { type CallerPart, type CallersId, rootName } from '../../model/caller-tree.ts';
import type { Key } from '../store.ts';
import { CallerDraft, documentOf, headName } from './caller-draft.ts';
import type { Ledger } from './ledger.ts';

/** Edits that are committed together at most: their documents are written in one step, in which no other command runs. */
const mostTogether = 128;

/** Characters of the parts in one answer: a larger one takes too long on a slow connection. */
const mostAnswered = 1 << 20;

type Edit = (draft: CallerDraft) => Promise<unknown>;

interface Pending {
  /** Documents that the edit needs. */
  readonly needed: readonly Key[];
  readonly edit: Edit;
  /** No other edit is committed with this one: it reads more than the draft has. */
  readonly alone: boolean;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * All consumers and products. Edits that arrive while others are committed are committed together by the next commit, since all of them change the
 * head: an import of 100,000 consumers does not wait for as many commits.
 */
export class CallerBook {
  readonly #ledger: Ledger;
  readonly #queue: Pending[] = [];
  #working = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Makes a change, tried again when another process changed the same documents first. What `edit` throws rejects it alone. */
  change<Result>(needed: readonly Key[], edit: (draft: CallerDraft) => Promise<Result>): Promise<Result> {
    return this.#ask(needed, edit, false);
  }

  /** Makes a change that reads consumers outside of the draft: no other edit of this process is committed with it. */
  changeAlone<Result>(needed: readonly Key[], edit: (draft: CallerDraft) => Promise<Result>): Promise<Result> {
    return this.#ask(needed, edit, true);
  }

  /** Reads without a change. */
  read<Result>(reader: (draft: CallerDraft) => Promise<Result>): Promise<Result> {
    return reader(new CallerDraft(this.#ledger));
  }

  async id(): Promise<CallersId> {
    const now = await this.#ledger.read({ kind: 'callers', name: headName });
    const hash = now.get('callers', headName).value?.children[rootName]?.[0];
    return { epoch: now.epoch, ...(hash !== undefined && { hash }) };
  }

  async parts(wanted: readonly string[]): Promise<readonly CallerPart[]> {
    const keys = wanted.map(documentOf);
    const { documents } = await this.#ledger.store.read(keys);
    const found = new Map(documents.map(({ kind, name, text }) => [`${kind} ${name}`, text]));
    const parts: CallerPart[] = [];
    let length = 0;
    for (const [index, name] of wanted.entries()) {
      const text = found.get(`${keys[index]?.kind} ${keys[index]?.name}`);
      if (text === undefined) continue;
      length += text.length;
      if (length > mostAnswered && parts.length > 0) break;
      parts.push({ name, text });
    }
    return parts;
  }

  #ask<Result>(needed: readonly Key[], edit: (draft: CallerDraft) => Promise<Result>, alone: boolean): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#queue.push({ needed, edit, alone, resolve, reject });
      if (!this.#working) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#working = true;
    // Edits that are asked for in the same turn of the event loop are committed together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const alone = this.#queue.findIndex((pending) => pending.alone);
      const group = this.#queue.splice(0, alone === -1 ? mostTogether : Math.min(mostTogether, Math.max(1, alone)));
      await this.#commit(group);
    }
    this.#working = false;
  }

  async #commit(group: readonly Pending[]): Promise<void> {
    try {
      const outcomes = await this.#ledger.transact(async () => {
        const draft = new CallerDraft(this.#ledger);
        await draft.prefetch(group.flatMap(({ needed }) => needed));
        const result: (() => void)[] = [];
        for (const { edit, resolve, reject } of group) {
          const before = draft.changes;
          try {
            const value = await edit(draft);
            result.push(() => resolve(value as never));
          } catch (error) {
            // A refusal comes before the first change. After one, the draft is not worth committing.
            if (draft.changes !== before) throw error;
            result.push(() => reject(error));
          }
        }
        const change = await draft.change();
        return { result, ...(change && { change }) };
      });
      for (const settle of outcomes) settle();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
