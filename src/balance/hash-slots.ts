import { hashText, mix } from './hash-text.ts';

/** Slots that keys are told apart into: a prime, so that every step from 1 to one less visits them all. */
export const slotCount = 65_537;

/** Who takes part: by `id` the same everywhere, with a share of the slots in proportion to `weight` (above 0). */
export interface Owner {
  readonly id: string;
  readonly weight: number;
}

/** How far all are let run before anybody looks whether slots are still free, in expected arrivals at each slot. */
const stride = 2;

let times: Float64Array | undefined;

/** When the k-th of all slots is reached at weight 1: quantiles of the exponential distribution. Made when first needed. */
function arrivalTimes(): Float64Array {
  times ??= Float64Array.from({ length: slotCount }, (_, turn) => -Math.log1p(-(turn + 0.5) / slotCount));
  return times;
}

/**
 * Which of `owners`, by index, has each slot. It depends on nothing but their ids and weights: not on their order, nor on who was there
 * before. One who leaves gives up its own slots and no others move; one who comes takes its share of them, and no others move; a
 * weight that rises only gains slots.
 *
 * Rendezvous hashing (Thaler and Ravishankar 1998) of slots, with the scores of Schindelhauer and Schomaker ("Weighted distributed hash
 * tables", 2005): each owner reaches each slot after a time that is exponential with its weight for rate, and the first one there has it.
 * Each visits the slots in an order of its own as in Maglev (Eisenbud et al. 2016, section 3.4), but by the clock and not in turns: so
 * times need not be drawn for all pairs, only in ascending order until the last slot is taken. About ln(slots) a slot, however many owners.
 */
export function slotOwners(owners: readonly Owner[]): Uint32Array {
  const arrivals = arrivalTimes();
  const taken = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY);
  const owner = new Uint32Array(slotCount);
  const runners = owners.map(({ id, weight }) => new Runner(id, weight));
  const lap = stride / owners.reduce((sum, { weight }) => sum + weight, 0);
  let free = runners.length === 0 ? 0 : slotCount;
  for (let until = lap; free > 0; until += lap) {
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
      }
      runner.turn = turn;
      runner.slot = slot;
    }
  }
  return owner;
}

/** One owner on its way through the slots. */
class Runner {
  readonly weight: number;
  readonly step: number;
  /** The next slot, and how many came before it. */
  slot: number;
  turn = 0;
  readonly #id: string;
  readonly #seed: number;

  constructor(id: string, weight: number) {
    this.#id = id;
    this.weight = weight;
    this.#seed = hashText(id);
    this.slot = this.#seed % slotCount;
    // Not from the same hash: two ids that share one shall not share their whole way.
    this.step = 1 + (hashText(`/${id}`) % (slotCount - 1));
  }

  /** Who has a slot that both reach at the same time: nobody in general. */
  precedes(other: Runner, slot: number): boolean {
    const own = mix(this.#seed ^ Math.imul(slot, 0x9e3779b1));
    const others = mix(other.#seed ^ Math.imul(slot, 0x9e3779b1));
    return own === others ? this.#id < other.#id : own < others;
  }
}
