import { atOnce, type Pieces } from '../model/pieces.ts';
import { hashText, mix } from './hash-text.ts';

/** Number of slots that keys are distributed over. A prime, so that any step from 1 to `slotCount - 1` visits all of them. */
export const slotCount = 65_537;

/** An owner of slots. Its `id` must be the same in every process; its share of the slots is proportional to `weight` (above 0). */
export interface Owner {
  readonly id: string;
  readonly weight: number;
}

/** Length of a round, in expected arrivals per slot. After each round it is checked whether slots are still free. */
const roundLength = 2;

/** Visits of slots in one piece of work: some ten microseconds. */
const pieceVisits = 4000;

let times: Float64Array | undefined;

/** Time at which an owner of weight 1 reaches its k-th slot: quantiles of the exponential distribution. Made when first needed. */
function arrivalTimes(): Float64Array {
  times ??= Float64Array.from({ length: slotCount }, (_, turn) => -Math.log1p(-(turn + 0.5) / slotCount));
  return times;
}

/**
 * Assigns each slot to one of `owners`; returns the owner's index for each slot. The result depends only on ids and weights, not on the
 * order of the owners nor on earlier assignments. If an owner is removed, only its own slots move. If one is added, it takes its share and
 * no other slots move. If a weight rises, that owner only gains slots.
 *
 * Rendezvous hashing (Thaler and Ravishankar 1998) of slots, with the scores of Schindelhauer and Schomaker ("Weighted distributed hash
 * tables", 2005): each owner reaches each slot after an exponentially distributed time whose rate is its weight, and the first to arrive
 * owns the slot. Each owner visits the slots in an order of its own, as in Maglev (Eisenbud et al. 2016, section 3.4), but by time and not
 * in turns. So times need not be drawn for all pairs, but only in ascending order until the last slot is taken: about ln(slots) per slot,
 * for any number of owners.
 */
export function slotOwners(owners: readonly Owner[]): Uint32Array {
  return atOnce(slotOwnersInPieces(owners));
}

/** Like {@link slotOwners}, in pieces: for any number of owners it takes some milliseconds. */
export function* slotOwnersInPieces(owners: readonly Owner[]): Pieces<Uint32Array> {
  const arrivals = arrivalTimes();
  const taken = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY);
  const owner = new Uint32Array(slotCount);
  const runners = owners.map(({ id, weight }) => new Runner(id, weight));
  const round = roundLength / owners.reduce((sum, { weight }) => sum + weight, 0);
  let free = runners.length === 0 ? 0 : slotCount;
  let left = pieceVisits;
  for (let until = round; free > 0; until += round) {
    for (let index = 0; index < runners.length; index++) {
      const runner = runners[index] as Runner;
      const { weight, step } = runner;
      let { turn, slot } = runner;
      for (; turn < slotCount; turn++) {
        const time = (arrivals[turn] as number) / weight;
        if (time > until) break;
        const before = taken[slot] as number;
        if (time < before || (time === before && runner.precedes(runners[owner[slot] as number] as Runner, slot))) {
          if (before === Number.POSITIVE_INFINITY) free--;
          taken[slot] = time;
          owner[slot] = index;
        }
        slot += step;
        if (slot >= slotCount) slot -= slotCount;
        if (--left === 0) {
          left = pieceVisits;
          yield;
        }
      }
      runner.turn = turn;
      runner.slot = slot;
    }
  }
  return owner;
}

/** One owner's way through the slots. */
class Runner {
  readonly weight: number;
  readonly step: number;
  /** The next slot to visit. */
  slot: number;
  /** Number of slots visited before it. */
  turn = 0;
  readonly #id: string;
  readonly #seed: number;

  constructor(id: string, weight: number) {
    this.#id = id;
    this.weight = weight;
    this.#seed = hashText(id);
    this.slot = this.#seed % slotCount;
    // From a second hash: two ids with the same first hash must not visit all slots in the same order.
    this.step = 1 + (hashText(`/${id}`) % (slotCount - 1));
  }

  /** Breaks the tie between two owners that reach a slot at the same time. Depends on the slot, so that no owner wins every tie. */
  precedes(other: Runner, slot: number): boolean {
    const own = mix(this.#seed ^ Math.imul(slot, 0x9e3779b1));
    const others = mix(other.#seed ^ Math.imul(slot, 0x9e3779b1));
    return own === others ? this.#id < other.#id : own < others;
  }
}
