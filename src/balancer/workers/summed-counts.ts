import { addCounts } from '../../model/count-arithmetic.ts';
import type { KeyedCounts } from './worker-counts.ts';

/**
 * Sums of the counts of all workers, living and dead. Workers report increases, so that a sum never goes down: the counts of a worker
 * stay when it dies, except for the last fraction of a second that it had not reported; its gauges are dropped.
 */
export class SummedCounts<Counts extends object, Gauges extends Readonly<Record<keyof Gauges, number>>> {
  readonly #counts = new Map<string, Counts>();
  /** Gauges of living workers, by number of the worker. */
  readonly #gauges = new Map<number, Map<string, Gauges>>();
  /** Sums that were read since they changed. */
  readonly #sums = new Map<string, Counts & Gauges>();
  readonly #noCounts: Counts;
  readonly #noGauges: Gauges;

  constructor(noCounts: Counts, noGauges: Gauges) {
    this.#noCounts = noCounts;
    this.#noGauges = noGauges;
  }

  /** Starts counting `key`; reports for keys that are not followed are ignored. */
  follow(key: string): void {
    if (!this.#counts.has(key)) this.#counts.set(key, this.#noCounts);
  }

  drop(key: string): void {
    this.#counts.delete(key);
    this.#sums.delete(key);
    for (const gauges of this.#gauges.values()) gauges.delete(key);
  }

  add(worker: number, changes: readonly KeyedCounts<Counts, Gauges>[]): void {
    const present = this.#gauges.get(worker) ?? new Map<string, Gauges>();
    this.#gauges.set(worker, present);
    for (const { key, counts, gauges } of changes) {
      const before = this.#counts.get(key);
      if (before === undefined) continue;
      this.#counts.set(key, addCounts(before, counts));
      present.set(key, gauges);
      this.#sums.delete(key);
    }
  }

  /** Drops the gauges of a worker that has ended. */
  forget(worker: number): void {
    if (this.#gauges.delete(worker)) this.#sums.clear();
  }

  /** All keys that are followed. */
  get keys(): string[] {
    return [...this.#counts.keys()];
  }

  /** Sum of all workers' counts and gauges for a key: the same object until one of them changes. */
  of(key: string): Counts & Gauges {
    const known = this.#sums.get(key);
    if (known !== undefined) return known;
    const sum = this.#sum(key);
    if (this.#counts.has(key)) this.#sums.set(key, sum);
    return sum;
  }

  #sum(key: string): Counts & Gauges {
    let gauges = this.#noGauges;
    for (const present of this.#gauges.values()) gauges = addCounts(gauges, present.get(key) ?? this.#noGauges);
    return { ...(this.#counts.get(key) ?? this.#noCounts), ...gauges };
  }

  /** Sum of one worker's gauges over all keys. */
  gaugesIn(worker: number): Gauges {
    return [...(this.#gauges.get(worker)?.values() ?? [])].reduce((sum, gauges) => addCounts(sum, gauges), this.#noGauges);
  }
}
