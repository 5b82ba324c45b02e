import { type Candidate, eligible, type LoadWatcher, type Picker, type PickerFactory } from './contract.ts';
import { byWeight, Turns } from './turns.ts';

/**
 * Fewest exchanges in flight for its weight; equals take turns in proportion to their weight.
 * Loads are indexed as they change, so that a pick does not look at every server.
 */
export const leastConnections: PickerFactory = (candidates, random) => new LeastConnections(candidates, random);

class LeastConnections<C extends Candidate> implements Picker<C>, LoadWatcher {
  readonly #ladders: Ladder<C>[] = [];
  /** The ladder of each slot. */
  readonly #ladderOf: Ladder<C>[] = [];
  #now = 0;

  constructor(candidates: readonly C[], random: () => number) {
    for (const [weight, members] of byWeight(candidates)) {
      const ladder = new Ladder<C>(members, weight, this.#ladderOf.length, random);
      this.#ladders.push(ladder);
      for (const member of members) {
        member.slot = this.#ladderOf.length;
        member.watcher = this;
        this.#ladderOf.push(ladder);
      }
    }
  }

  pick(_key: number, tried: readonly C[]): C | undefined {
    let best: Ladder<C> | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestIndex = -1;
    for (const ladder of this.#ladders) {
      if (ladder.lowest / ladder.weight > bestLoad) continue;
      const index = ladder.first(tried);
      if (index < 0) continue;
      const load = ladder.levelOf(index) / ladder.weight;
      if (load > bestLoad || (load === bestLoad && best !== undefined && ladder.turns.due >= best.turns.due)) continue;
      best = ladder;
      bestLoad = load;
      bestIndex = index;
    }
    if (best === undefined) return undefined;
    if (best.turns.due > this.#now) this.#now = best.turns.due;
    return best.take(bestIndex, this.#now);
  }

  loadChanged(slot: number, active: number): void {
    const ladder = this.#ladderOf[slot];
    if (ladder !== undefined) ladder.move(slot - ladder.base, active);
  }
}

/** Servers of one weight on rungs: one rung a number of exchanges in flight, on each a queue, longest waiting first. */
class Ladder<C extends Candidate> {
  readonly weight: number;
  readonly base: number;
  readonly turns: Turns;
  /** The lowest rung with somebody on it. */
  lowest = 0;
  readonly #members: readonly C[];
  readonly #level: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #heads: number[] = [];
  readonly #tails: number[] = [];

  /** @param base the slot of its first member */
  constructor(members: readonly C[], weight: number, base: number, random: () => number) {
    this.weight = weight;
    this.base = base;
    this.turns = new Turns(weight * members.length, random());
    this.#members = members;
    this.#level = new Int32Array(members.length);
    this.#next = new Int32Array(members.length);
    this.#previous = new Int32Array(members.length);
    const start = Math.floor(random() * members.length);
    for (let index = 0; index < members.length; index++) {
      const shifted = (index + start) % members.length;
      this.#append(shifted, (members[shifted] as C).active);
    }
    this.#settle();
  }

  levelOf(index: number): number {
    return this.#level[index] as number;
  }

  /** The least loaded eligible member, or -1. */
  first(tried: readonly C[]): number {
    for (let level = this.lowest; level < this.#heads.length; level++) {
      for (let index = this.#heads[level] as number; index >= 0; index = this.#next[index] as number) {
        if (eligible(this.#members[index] as C, tried)) return index;
      }
    }
    return -1;
  }

  /** Picks a member: the others on its rung come before it next time. */
  take(index: number, now: number): C {
    this.turns.take(1, now);
    this.#remove(index);
    this.#append(index, this.levelOf(index));
    return this.#members[index] as C;
  }

  move(index: number, level: number): void {
    this.#remove(index);
    this.#append(index, level);
    if (level < this.lowest) this.lowest = level;
    else this.#settle();
  }

  #settle(): void {
    while (this.lowest < this.#heads.length && (this.#heads[this.lowest] as number) < 0) this.lowest++;
  }

  #append(index: number, level: number): void {
    while (this.#heads.length <= level) {
      this.#heads.push(-1);
      this.#tails.push(-1);
    }
    const tail = this.#tails[level] as number;
    this.#level[index] = level;
    this.#previous[index] = tail;
    this.#next[index] = -1;
    if (tail < 0) this.#heads[level] = index;
    else this.#next[tail] = index;
    this.#tails[level] = index;
  }

  #remove(index: number): void {
    const level = this.levelOf(index);
    const previous = this.#previous[index] as number;
    const next = this.#next[index] as number;
    if (previous < 0) this.#heads[level] = next;
    else this.#next[previous] = next;
    if (next < 0) this.#tails[level] = previous;
    else this.#previous[next] = previous;
  }
}
