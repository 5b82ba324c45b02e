import { type Candidate, eligible, type Picker } from './contract.ts';

/** Random draws before the servers are looked at one by one: enough unless most of them are unavailable. */
const draws = 4;

/**
 * The power of two choices: draws two servers at random, in proportion to their weights, and picks the cheaper one. This distributes nearly
 * as evenly as comparing all servers, and several balancers do not all pick the same one.
 */
export class TwoChoices<C extends Candidate> implements Picker<C> {
  readonly #members: readonly C[];
  readonly #random: () => number;
  readonly #cost: (candidate: C) => number;
  /** Vose's alias table: column `i` belongs to member `i` with probability `#keep[i]`, else to member `#alias[i]`. */
  readonly #keep: Float64Array;
  readonly #alias: Int32Array;

  constructor(candidates: readonly C[], random: () => number, cost: (candidate: C) => number) {
    this.#members = candidates.filter((candidate) => candidate.weight > 0);
    this.#random = random;
    this.#cost = cost;
    [this.#keep, this.#alias] = aliasTable(this.#members.map((member) => member.weight));
  }

  pick(_key: number, tried: readonly C[]): C | undefined {
    const one = this.#draw(tried, undefined);
    if (one === undefined) return undefined;
    const other = this.#draw(tried, one);
    return other !== undefined && this.#cost(other) < this.#cost(one) ? other : one;
  }

  #draw(tried: readonly C[], except: C | undefined): C | undefined {
    const members = this.#members;
    if (members.length === 0) return undefined;
    let at = 0;
    for (let draw = 0; draw < draws; draw++) {
      at = Math.floor(this.#random() * members.length);
      if (this.#random() >= (this.#keep[at] as number)) at = this.#alias[at] as number;
      const member = members[at] as C;
      if (member !== except && eligible(member, tried)) return member;
    }
    for (let step = 0; step < members.length; step++) {
      if (++at >= members.length) at = 0;
      const member = members[at] as C;
      if (member !== except && eligible(member, tried)) return member;
    }
    return undefined;
  }
}

/** Makes the alias table. Michael Vose, "A linear algorithm for generating random numbers with a given distribution" (1991). */
function aliasTable(weights: readonly number[]): [keep: Float64Array, alias: Int32Array] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const keep = Float64Array.from(weights, (weight) => (weight * weights.length) / total);
  const alias = Int32Array.from(weights.keys());
  const small: number[] = [];
  const large: number[] = [];
  for (const index of weights.keys()) ((keep[index] as number) < 1 ? small : large).push(index);
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number;
    const more = large.pop() as number;
    alias[less] = more;
    keep[more] = (keep[more] as number) - (1 - (keep[less] as number));
    ((keep[more] as number) < 1 ? small : large).push(more);
  }
  // The remaining columns differ from 1 only by rounding.
  for (const index of [...small, ...large]) keep[index] = 1;
  return [keep, alias];
}
