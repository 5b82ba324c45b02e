import type { ServerAnswer } from '../../api/answers.ts';
import { keepText } from '../../model/json-pieces.ts';
import { mapInTurns } from '../../model/pieces.ts';
import { sameFields } from '../../model/same-fields.ts';

/** Milliseconds by which two readings of the same renewal of a lease may differ. */
const sameRenewalMs = 250;
const lastSeen: ReadonlySet<string> = new Set<keyof ServerAnswer>(['lastSeen']);

/**
 * Lists of all servers, one after the other. A server that has not changed is the same object as in the list before, whose JSON is kept, and a list without a
 * change is the same list: what outlives a request, and is copied by garbage collections, is only what has changed.
 */
export class ServerLists {
  readonly #read: () => Promise<readonly ServerAnswer[]>;
  #last: readonly ServerAnswer[] = [];

  /** @param read makes a list of all servers, sorted by id */
  constructor(read: () => Promise<readonly ServerAnswer[]>) {
    this.#read = read;
  }

  async next(): Promise<readonly ServerAnswer[]> {
    const read = await this.#read();
    const before = this.#last;
    let at = 0;
    let changed = read.length !== before.length;
    const next = await mapInTurns(read, (server) => {
      let known = before[at];
      while (known !== undefined && known.id < server.id) known = before[++at];
      if (known !== undefined && isSame(known, server)) {
        at++;
        keepText(known);
        return known;
      }
      changed = true;
      return server;
    });
    if (changed) this.#last = next;
    return this.#last;
  }
}

function isSame(one: ServerAnswer, other: ServerAnswer): boolean {
  const apart = Math.abs((one.lastSeen ?? 0) - (other.lastSeen ?? 0));
  return apart < sameRenewalMs && sameFields(one, other, lastSeen);
}
