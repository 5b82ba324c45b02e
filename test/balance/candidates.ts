import type { Candidate, LoadWatcher } from '../../src/balance/contract.ts';
import type { PeakEwma } from '../../src/balance/peak-ewma.ts';

/** A minimal candidate. Tells its watcher of every change, like a live server. */
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

/** Makes one candidate for each weight, named a, b, c… */
export function weighted(...weights: number[]): TestCandidate[] {
  return weights.map((weight, index) => new TestCandidate(String.fromCharCode(97 + index), weight));
}

/** Counts the occurrences of each id. */
export function tally(picked: readonly (TestCandidate | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const candidate of picked) counts[candidate?.id ?? 'none'] = (counts[candidate?.id ?? 'none'] ?? 0) + 1;
  return counts;
}

/** Returns the results of `count` calls of `make`. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
