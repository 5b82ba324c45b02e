import { type Candidate, eligible, type LoadWatcher, type Picker, type PickerFactory } from './contract.ts';
import { byWeight, Turns } from './turns.ts';

/**
 * Picks the server with the fewest exchanges in flight relative to its weight; servers with equal loads take turns in proportion to their
 * weights. Loads are indexed as they change, so that a pick does not look at every server.
 */
export const leastConnections: PickerFactory = (candidates, random) => new LeastConnections(candidates, random);

class LeastConnections<C extends Candidate> implements Picker<C>, LoadWatcher {
  readonly #groups: LoadGroup<C>[] = [];
  /** The group of each slot. */
  readonly #groupOf: LoadGroup<C>[] = [];
  #now = 0;

  constructor(candidates: readonly C[], random: () => number) {
    for (const [weight, members] of byWeight(candidates)) {
      const group = new LoadGroup<C>(members, weight, this.#groupOf.length, random);
      this.#groups.push(group);
      for (const member of members) {
        member.slot = this.#groupOf.length;
        member.watcher = this;
        this.#groupOf.push(group);
      }
    }
  }

  pick(_key: number, tried: readonly C[]): C | undefined {
    let best: LoadGroup<C> | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestIndex = -1;
    for (const group of this.#groups) {
      if (group.lowest / group.weight > bestLoad) continue;
      const index = group.first(tried);
      if (index < 0) continue;
      const load = group.levelOf(index) / group.weight;
      if (load > bestLoad || (load === bestLoad && best !== undefined && group.turns.due >= best.turns.due)) continue;
      best = group;
      bestLoad = load;
      bestIndex = index;
    }
    if (best === undefined) return undefined;
    if (best.turns.due > this.#now) this.#now = best.turns.due;
    return best.take(bestIndex, this.#now);
  }

  loadChanged(slot: number, active: number): void {
    const group = this.#groupOf[slot];
    if (group !== undefined) group.move(slot - group.base, active);
  }
}

/** Servers of equal weight by load: one queue for each number of exchanges in flight (the level), longest waiting server first. */
class LoadGroup<C extends Candidate> {
  readonly weight: number;
  readonly base: number;
  readonly turns: Turns;
  /** The lowest level that has a server. */
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

  /** Index of the least loaded eligible member, or -1. */
  first(tried: readonly C[]): number {
    for (let level = this.lowest; level < this.#heads.length; level++) {
      for (let index = this.#heads[level] as number; index >= 0; index = this.#next[index] as number) {
        if (eligible(this.#members[index] as C, tried)) return index;
      }
    }
    return -1;
  }

  /** Picks a member and puts it at the end of its queue. */
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
