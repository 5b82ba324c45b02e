import { type Candidate, eligible, type Picker, type PickerFactory } from './contract.ts';
import { byWeight, Turns } from './turns.ts';

/**
 * Smooth weighted round-robin. Servers of equal weight form a ring, and the rings take turns in proportion to their total weights, so that
 * a pick looks at one server per ring: as cheap for a thousand servers as for three.
 */
export const roundRobin: PickerFactory = (candidates, random) => new RoundRobin(candidates, random);

class RoundRobin<C extends Candidate> implements Picker<C> {
  readonly #rings: Ring<C>[] = [];
  #now = 0;

  constructor(candidates: readonly C[], random: () => number) {
    for (const [weight, members] of byWeight(candidates)) this.#rings.push(new Ring(members, weight, random));
  }

  pick(_key: number, tried: readonly C[]): C | undefined {
    let next: Ring<C> | undefined;
    let skipped = 0;
    for (const ring of this.#rings) {
      if (next !== undefined && ring.turns.due >= next.turns.due) continue;
      const ineligible = ring.skip(tried);
      if (ineligible < 0) continue;
      next = ring;
      skipped = ineligible;
    }
    if (next === undefined) return undefined;
    if (next.turns.due > this.#now) this.#now = next.turns.due;
    return next.take(skipped, this.#now);
  }
}

/** Servers of equal weight, picked one after the other. */
class Ring<C extends Candidate> {
  readonly turns: Turns;
  readonly #members: readonly C[];
  #cursor: number;

  constructor(members: readonly C[], weight: number, random: () => number) {
    this.#members = members;
    this.#cursor = Math.floor(random() * members.length);
    this.turns = new Turns(weight * members.length, random());
  }

  /** Number of members before the next eligible one; -1 if none is eligible. */
  skip(tried: readonly C[]): number {
    const members = this.#members;
    let at = this.#cursor;
    for (let skipped = 0; skipped < members.length; skipped++) {
      if (eligible(members[at] as C, tried)) return skipped;
      if (++at === members.length) at = 0;
    }
    return -1;
  }

  /** Picks the member after `skipped` others, which lose their turns. */
  take(skipped: number, now: number): C {
    const members = this.#members;
    let at = this.#cursor + skipped;
    if (at >= members.length) at -= members.length;
    this.#cursor = at + 1 === members.length ? 0 : at + 1;
    this.turns.take(skipped + 1, now);
    return members[at] as C;
  }
}
