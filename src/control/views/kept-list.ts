import { mapInTurns } from '../../model/pieces.ts';

/**
 * A list that is read again and again. What has not changed is the same object as in the list before, and a list without a change is the same list: its
 * JSON is there already.
 */
export class KeptList<One extends object> {
  readonly #isSame: (one: One, other: One) => boolean;
  #last: readonly One[] = [];

  constructor(isSame: (one: One, other: One) => boolean) {
    this.#isSame = isSame;
  }

  /** @param read the list as it is now */
  async next(read: readonly One[]): Promise<readonly One[]> {
    const before = this.#last;
    let at = 0;
    let changed = read.length !== before.length;
    const next = await mapInTurns(read, (one) => {
      const known = before[at++];
      if (known !== undefined && this.#isSame(known, one)) return known;
      changed = true;
      return one;
    });
    if (changed) this.#last = next;
    return this.#last;
  }
}
