import type { Candidate, LoadWatcher } from '../../src/balance/contract.ts';
import type { PeakEwma } from '../../src/balance/peak-ewma.ts';

/** A candidate as small as can be: tells its watcher of every change, as a live one does. */
export class TestCandidate implements Candidate {
  readonly id: string;
  readonly weight: number;
  available = true;
  latency: PeakEwma | undefined;
  watcher: LoadWatcher | undefined;
  slot = 0;
  #active: number;

  constructor(id: string, weight = 1, active = 0) {
    this.id = id;
    this.weight = weight;
    this.#active = active;
  }

  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const before = this.#active;
    this.#active = active;
    this.watcher?.loadChanged(this.slot, active, before);
  }
}

/** One candidate a weight, called a, b, c… */
export function weighted(...weights: number[]): TestCandidate[] {
  return weights.map((weight, index) => new TestCandidate(String.fromCharCode(97 + index), weight));
}

/** The same numbers in [0, 1) on every run (a linear congruential generator, Numerical Recipes). */
export function seeded(seed = 1): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How often each id occurs. */
export function tally(picked: readonly (TestCandidate | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const candidate of picked) counts[candidate?.id ?? 'nobody'] = (counts[candidate?.id ?? 'nobody'] ?? 0) + 1;
  return counts;
}

/** What `count` of them make. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
