import { addCounts } from '../../model/count-arithmetic.ts';
import type { KeyedCounts } from './worker-counts.ts';

/**
 * What all workers, living and dead, have counted. They tell what is new, so that a sum never goes backwards: what a worker did
 * stays counted when it dies, but for what it had not told yet (a fraction of a second); what was going on there is no more.
 */
export class SummedCounts<Counts extends object, Gauges extends Readonly<Record<keyof Gauges, number>>> {
  readonly #counts = new Map<string, Counts>();
  /** Of living workers, by number. */
  readonly #gauges = new Map<number, Map<string, Gauges>>();
  readonly #nothing: Counts;
  readonly #still: Gauges;

  /** @param nothing counted @param still nothing going on */
  constructor(nothing: Counts, still: Gauges) {
    this.#nothing = nothing;
    this.#still = still;
  }

  /** It is to be counted; until then, and once it is dropped, what workers say of it is not heard. */
  follow(key: string): void {
    if (!this.#counts.has(key)) this.#counts.set(key, this.#nothing);
  }

  drop(key: string): void {
    this.#counts.delete(key);
    for (const gauges of this.#gauges.values()) gauges.delete(key);
  }

  take(worker: number, changes: readonly KeyedCounts<Counts, Gauges>[]): void {
    const present = this.#gauges.get(worker) ?? new Map<string, Gauges>();
    this.#gauges.set(worker, present);
    for (const { key, counts, gauges } of changes) {
      const before = this.#counts.get(key);
      if (before === undefined) continue;
      this.#counts.set(key, addCounts(before, counts));
      present.set(key, gauges);
    }
  }

  /** The worker has ended, and with it all that was going on there. */
  forget(worker: number): void {
    this.#gauges.delete(worker);
  }

  /** What is followed. */
  get keys(): string[] {
    return [...this.#counts.keys()];
  }

  /** All workers together. */
  of(key: string): Counts & Gauges {
    let gauges = this.#still;
    for (const present of this.#gauges.values()) gauges = addCounts(gauges, present.get(key) ?? this.#still);
    return { ...(this.#counts.get(key) ?? this.#nothing), ...gauges };
  }

  /** One worker alone, over everything. */
  gaugesIn(worker: number): Gauges {
    return [...(this.#gauges.get(worker)?.values() ?? [])].reduce((sum, gauges) => addCounts(sum, gauges), this.#still);
  }
}
