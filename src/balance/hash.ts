import type { Pieces } from '../model/pieces.ts';
import { type Candidate, eligible, type LoadWatcher, type Picker, type PickerFactory } from './contract.ts';
import { mix } from './hash-text.ts';
import { type Owner, slotCount, slotOwners, slotOwnersInPieces } from './slot-owners.ts';

/**
 * Bound of a server's load, as a multiple of its fair share of the exchanges in flight. Beyond it, the owners of the next slots are picked.
 */
const loadFactor = 1.25;
/** The bound is never lower than this many exchanges in flight, so that the parallel requests of one client stay on one server. */
const minBound = 8;

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016), over slots instead of a circle: see {@link slotOwners}.
 * Every balancer sends the same key to the same server. If a server is removed, only its own keys move. If one is added, it takes over 1/n
 * of the keys and no others move; the standard deviation of that share is 1 % of it at 10 servers and 9 % at 1,000.
 */
export const hash: PickerFactory = (candidates) => new ConsistentHash(candidates);

/** The owner of each slot, found beforehand. */
export interface SlotPlan {
  readonly owners: readonly Owner[];
  readonly slots: Uint32Array;
}

/** Finds out in pieces what takes longest in making a picker of servers with these ids and weights. */
export function* planSlots(servers: readonly Owner[]): Pieces<SlotPlan> {
  const owners = servers.filter(({ weight }) => weight > 0).map(({ id, weight }) => ({ id, weight }));
  return { owners, slots: yield* slotOwnersInPieces(owners) };
}

/** Makes pickers like {@link hash}, at once, for servers that are the {@link sameOwners} as those of the plan. */
export function hashPlanned(plan: SlotPlan): PickerFactory {
  return (candidates) => new ConsistentHash(candidates, plan);
}

class ConsistentHash<C extends Candidate> implements Picker<C>, LoadWatcher {
  readonly #members: readonly C[];
  /** The owner of each slot, as an index of `#members`. */
  readonly #owners: Uint32Array;
  readonly #totalWeight: number;
  #inFlight = 0;

  constructor(candidates: readonly C[], plan?: SlotPlan) {
    const members = candidates.filter((candidate) => candidate.weight > 0);
    this.#members = members;
    this.#totalWeight = members.reduce((sum, member) => sum + member.weight, 0);
    this.#owners = plan?.slots ?? slotOwners(members);
    for (const member of members) {
      this.#inFlight += member.active;
      member.watcher = this;
    }
  }

  pick(key: number, tried: readonly C[]): C | undefined {
    const size = this.#members.length;
    if (size === 0) return undefined;
    const start = mix(key) % slotCount;
    const fairLoad = (loadFactor * (this.#inFlight + 1)) / this.#totalWeight;
    let at = start;
    for (let step = 0; step < size; step++) {
      const member = this.#members[this.#owners[at] as number] as C;
      if (isBelowBound(member, fairLoad) && eligible(member, tried)) return member;
      if (++at === slotCount) at = 0;
    }
    // Many servers are full or were tried, and the next slots belong to only some of the others: look at each server once, the key's own
    // first.
    let fallback: C | undefined;
    let index = this.#owners[start] as number;
    for (let step = 0; step < size; step++) {
      const member = this.#members[index] as C;
      if (eligible(member, tried)) {
        if (isBelowBound(member, fairLoad)) return member;
        fallback ??= member;
      }
      if (++index === size) index = 0;
    }
    return fallback;
  }

  loadChanged(_slot: number, active: number, before: number): void {
    this.#inFlight += active - before;
  }
}

/** True if the same servers with the same weights are in both lists, in the same order. */
export function sameOwners(some: readonly Owner[], others: readonly Owner[]): boolean {
  return (
    some.length === others.length && some.every(({ id, weight }, index) => id === others[index]?.id && weight === others[index].weight)
  );
}

function isBelowBound({ active, weight }: Candidate, fairLoad: number): boolean {
  return active < Math.max(minBound, fairLoad * weight);
}
