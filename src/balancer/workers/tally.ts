import { addCounts } from '../../model/sums.ts';
import type { Measure } from './measure.ts';

/**
 * What all workers, living and dead, have counted. They tell what is new, so that a sum never goes backwards: what a worker did
 * stays counted when it dies, but for what it had not told yet (a fraction of a second); what was going on there is no more.
 */
export class Tally<Counts extends object, Levels extends Readonly<Record<keyof Levels, number>>> {
  readonly #counts = new Map<string, Counts>();
  /** Of living workers, by number. */
  readonly #levels = new Map<number, Map<string, Levels>>();
  readonly #nothing: Counts;
  readonly #still: Levels;

  /** @param nothing counted @param still nothing going on */
  constructor(nothing: Counts, still: Levels) {
    this.#nothing = nothing;
    this.#still = still;
  }

  /** It is to be counted; until then, and once it is dropped, what workers say of it is not heard. */
  follow(key: string): void {
    if (!this.#counts.has(key)) this.#counts.set(key, this.#nothing);
  }

  drop(key: string): void {
    this.#counts.delete(key);
    for (const levels of this.#levels.values()) levels.delete(key);
  }

  take(worker: number, measures: readonly Measure<Counts, Levels>[]): void {
    const present = this.#levels.get(worker) ?? new Map<string, Levels>();
    this.#levels.set(worker, present);
    for (const { key, counts, levels } of measures) {
      const before = this.#counts.get(key);
      if (before === undefined) continue;
      this.#counts.set(key, addCounts(before, counts));
      present.set(key, levels);
    }
  }

  /** The worker has ended, and with it all that was going on there. */
  forget(worker: number): void {
    this.#levels.delete(worker);
  }

  /** What is followed. */
  get keys(): string[] {
    return [...this.#counts.keys()];
  }

  /** All workers together. */
  of(key: string): Counts & Levels {
    let levels = this.#still;
    for (const present of this.#levels.values()) levels = addCounts(levels, present.get(key) ?? this.#still);
    return { ...(this.#counts.get(key) ?? this.#nothing), ...levels };
  }

  /** One worker alone, over everything. */
  levelsIn(worker: number): Levels {
    return [...(this.#levels.get(worker)?.values() ?? [])].reduce((sum, levels) => addCounts(sum, levels), this.#still);
  }
}
